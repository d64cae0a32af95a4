"""The night's report as one page that needs nothing else: no network, no script, no file beside it."""

import os
from collections.abc import Mapping
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, Template
from markupsafe import Markup

from trustmart.report import charts, figures, words
from trustmart.report.figures import Stages
from trustmart.report.moves import heading
from trustmart.report.useful import amount, loss_chart, useful_marts

_DOES = {
    "ingest": "took in what the customer database (CRM) has new",
    "forget": "left out everybody who asked to be left out",
    "transform": "built the data sets",
    "release": "opened those that give nobody away",
    "activate": "sent the audiences that may be sent",
}


def render_page(stages: Stages, *, policy_version: str, files: Mapping[str, str] | None = None) -> str:
    """Return the page; a stage that is missing or None did not run.

    files: what else to list under "where everything is", as name -> path.
    """
    return _template().render(
        headline=figures.headline(stages),
        tasks=figures.tasks(stages),
        moves_heading=heading,
        anything_held=bool(figures.marts(stages, "held") or figures.held_audiences(stages)),
        as_of=figures.as_of(stages),
        policy_version=policy_version,
        does=_DOES,
        seconds=figures.seconds(stages),
        customers=figures.customers(stages),
        new_columns=figures.new_columns(stages),
        rows=figures.rows(stages),
        quarantine=_quarantine_chart(stages),
        audiences_out=_audiences(stages),
        strategy=figures.strategy(stages),
        strategy_chart=_strategy_chart(stages),
        crossings=figures.crossings(stages),
        marts=_marts(stages),
        useful=useful_marts(stages),
        useful_chart=loss_chart(stages),
        marts_released=figures.marts(stages, "released"),
        files=_files(stages, files or {}),
        **{name: stages.get(name) for name in figures.STAGES},
    )


def write_page(stages: Stages, path: Path, policy_version: str, *, files: Mapping[str, str] | None = None) -> Path:
    """Write the page beside its place and move it there: a reader sees the old page or the new one, whole."""
    page = render_page(stages, policy_version=policy_version, files=files)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.next")
    try:
        beside.write_text(page, encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


@cache
def _template() -> Template:
    """Return the template, with every value escaped unless a chart made it."""
    # A figure that a stage did not report becomes a dash; the page of a broken night matters most.
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=ChainableUndefined)
    environment.filters |= {
        "number": words.number,
        "percent": words.percent,
        "duration": words.duration,
        "moment": words.moment,
        "plain": words.plain,
        "amount": amount,
    }
    environment.globals["plural"] = words.plural
    source = resources("trustmart.report").joinpath("night.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source)


def _quarantine_chart(stages: Stages) -> Markup | None:
    """Draw what kept rows out; None where nothing did."""
    reasons = figures.quarantine_reasons(stages)
    named = [(words.plain(reason), count) for reason, count in reasons]
    return charts.ranking(named, key="quarantine", title="Rows in quarantine by reason") if named else None


def _strategy_chart(stages: Stages) -> Markup | None:
    """Draw how many use cases stand on each right, whom they reach at most and what that is worth."""
    rows = [
        (words.plain(basis), words.plural(count, "use case"), share, _worth(share, value))
        for basis, count, share, value in figures.strategy_by_basis(stages)
    ]
    return charts.mix(rows, key="strategy", title="Use cases by legal basis") if rows else None


def _worth(share: float | None, value: float | None) -> str:
    """Say whom a right reaches, and what a contact of each has been worth."""
    reached = "reaches nobody" if share is None else f"up to {words.percent(share)} of the customers"
    return reached if value is None else f"{reached}, worth {words.number(round(value))} EUR"


def _marts(stages: Stages) -> list[dict[str, Any]]:
    """Return each mart with its chart, and what readers have meanwhile where it is held.

    A count with noise is nobody's class: one that comes out as 0 is no smallest class, and stands for no few people.
    """
    return [
        {
            **mart,
            "noise": (noise := figures.noise(mart, stages)),
            "chart": None if noise else _distribution(index, mart),
            "standing": figures.standing(mart, stages),
            "too_few": sum(entry.get("classes") or 0 for entry in _rare(mart)),
        }
        for index, mart in enumerate(figures.marts(stages))
    ]


def _distribution(index: int, mart: Mapping[str, Any]) -> Markup | None:
    """Draw one mart's classes, the smallest first; None where it has none."""
    bins = sorted(mart.get("histogram") or [], key=lambda entry: entry.get("from") or 0)
    rows = [(_span(entry.get("from"), entry.get("to")), entry.get("classes") or 0) for entry in bins]
    title = f"Classes of {words.plain(mart.get('title') or mart.get('mart'))} by number of people"
    return charts.distribution(rows, key=f"mart{index}", title=title, rare=len(_rare(mart))) if rows else None


def _rare(mart: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the class sizes below what the policy asks for."""
    asked = mart.get("minimum_class_size") or 0
    return [entry for entry in mart.get("histogram") or [] if (entry.get("from") or 0) < asked]


def _span(low: Any, high: Any) -> str:
    """Return a span of class sizes as 11–20, or 1,000 + where it is open."""
    if high is None:
        return f"{words.number(low)} +"
    return words.number(low) if low == high else f"{words.number(low)}–{words.number(high)}"


def _audiences(stages: Stages) -> list[dict[str, Any]]:
    """Return each audience with its chart."""
    return [
        {**audience, "chart": _waterfall(index, audience)} for index, audience in enumerate(figures.audiences(stages))
    ]


def _waterfall(index: int, audience: Mapping[str, Any]) -> Markup | None:
    """Draw one audience's steps; None where it has none."""
    rows = [(str(step.get("step")), step.get("people") or 0) for step in audience.get("waterfall") or []]
    title = f"People left after each step of {words.plain(audience.get('title') or audience.get('audience'))}"
    return charts.waterfall(rows, key=f"audience{index}", title=title) if rows else None


def _files(stages: Stages, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return every file worth opening as (what it is, where it is)."""
    found = list(given.items())
    known = {str(path) for path in given.values()}
    data_docs = figures.stage(stages, "release").get("data_docs")
    if data_docs and str(data_docs) not in known:
        found.append(("What the gates checked (Great Expectations Data Docs)", str(data_docs)))
    for audience in figures.audiences(stages):
        if (receipt := audience.get("receipt")) and str(receipt) not in known:
            found.append((f"Receipt: {audience.get('title') or audience.get('audience')}", str(receipt)))
    return found
