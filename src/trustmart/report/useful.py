"""What readers of each anonymized mart still get: a row per mart, for the page and the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from markupsafe import Markup

from trustmart.report import charts, words
from trustmart.report.figures import Stages, stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Useful:
    """One mart that the door made. kept: share of people, None where only noise could tell. raw, published, loss: in
    the unit of `measure`, None where nobody measured. levels: how each column is told.
    """

    mart: str
    title: str
    tier: str
    rows: int | None
    kept: float | None
    measure: str
    raw: float | None
    published: float | None
    loss: float | None
    levels: str
    further: str


def useful_marts(stages: Stages) -> list[Useful]:
    """Return every mart that the door made tonight, in the order of policy."""
    made = stage(stages, "transform").get("door") or []
    return [_useful(entry) for entry in made if entry.get("status") == "made"]


def loss_chart(stages: Stages) -> Markup | None:
    """Draw what each mart loses, as a part of 1; None where nothing was measured."""
    rows = [
        (one.title, f"loss {amount(one.loss)}", min(max(one.loss, 0.0), 1.0), one.measure)
        for one in useful_marts(stages)
        if one.loss is not None
    ]
    return charts.mix(rows, key="useful", title="What readers lose, by mart") if rows else None


def amount(value: float | None) -> str:
    """Return a figure of usefulness with three decimals; a dash where there is none."""
    return words.UNKNOWN if value is None else f"{value:.3f}"


def _useful(entry: Mapping[str, Any]) -> Useful:
    """Read what the door says of a mart."""
    utility, levels, name = entry.get("utility") or {}, entry.get("levels") or {}, str(entry.get("mart"))
    is_noisy = "epsilon" in entry
    return Useful(
        mart=name,
        title=str(entry.get("title") or name),
        tier=f"{words.plain(entry.get('tier'))}{' with noise' if is_noisy else ''}",
        rows=entry.get("rows"),
        kept=None if is_noisy else _kept(entry),
        measure=str(utility.get("measure") or "not measured"),
        raw=_figure(utility.get("raw")),
        published=_figure(utility.get("published")),
        loss=_figure(utility.get("loss")),
        levels=", ".join(f"{column}: {level}" if level else column for column, level in levels.items()),
        further=_further(entry),
    )


def _kept(entry: Mapping[str, Any]) -> float | None:
    """Return the share of people that are in what is published."""
    total = entry.get("people_total")
    return 1 - (entry.get("people_suppressed") or 0) / total if total else None


def _figure(value: Any) -> float | None:
    """Return a number, or None where it is none."""
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else None


def _further(entry: Mapping[str, Any]) -> str:
    """Say what else was measured, by the kind of mart."""
    if errors := entry.get("query_error"):
        questions = words.plural(errors.get("questions") or 0, "question")
        return f"{questions}; the worst answer is off by up to {words.percent(errors.get('largest'))}"
    if shares := entry.get("share_error"):
        return f"shares of one or two columns are off by up to {words.percent(shares.get('largest'))} of all people"
    if expected := entry.get("expected_error"):
        return "noise to be expected: " + ", ".join(f"{what} ± {words.number(off)}" for what, off in expected.items())
    return ""
