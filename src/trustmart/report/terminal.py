"""The night on one screen: readable at 80 columns and without colour."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from trustmart.report import figures, moves, words
from trustmart.report.figures import Stages
from trustmart.report.useful import amount, useful_marts
from trustmart.report.words import number, plural


def summary(stages: Stages) -> RenderableType:
    """Return the night's figures, its verdicts, and what waits for a person."""
    headline = figures.headline(stages)
    at = figures.as_of(stages)
    when = f"Trustmart, the night of {words.moment(at)}" if at else "Trustmart"
    parts: list[RenderableType] = [
        Text(when, style="dim"),
        Text(headline.text, style="bold" if headline.calm else "bold yellow"),
        Text(),
        _stages(stages),
    ]
    if figures.marts(stages):
        parts += [Text(), _marts(stages)]
    if useful_marts(stages):
        parts += [Text(), _useful(stages)]
    if figures.stage(stages, "activate").get("audiences") or figures.held_audiences(stages):
        parts += [Text(), _audiences(stages)]
    for task in figures.tasks(stages):
        parts += [Text(), _task(task)]
    return Group(*parts)


def print_summary(stages: Stages, console: Console, *, files: Mapping[str, str], next_steps: list[str]) -> None:
    """Print the summary, where each file is, and what to type next."""
    console.print(summary(stages))
    if files:
        console.print(Text("\nWhere everything is", style="bold"))
        for name, path in files.items():
            # A path stays on one line, so that it can be copied.
            console.print(Text(f"  {name}"), Text(f"    {path}"), sep="\n", soft_wrap=True)
    if next_steps:
        console.print(Text("\nNext", style="bold"))
        for step in next_steps:
            console.print(Text(f"  {step}"), soft_wrap=True)


def _stages(stages: Stages) -> Table:
    """Say in a line or two what each stage did."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    says = {
        "ingest": _ingest,
        "forget": _forget,
        "transform": _transform,
        "release": _release,
        "activate": _activate,
    }
    for name, say in says.items():
        report = stages.get(name)
        grid.add_row(name, Text(say(stages, report) if report else "did not run"))
    return grid


def _ingest(stages: Stages, report: Mapping[str, Any]) -> str:
    """Rows in, loaded, quarantined."""
    total = figures.rows(stages)
    lines = [
        f"{number(total['rows_in'])} rows in = {number(total['loaded'])} loaded"
        f" + {number(total['quarantined'])} quarantined",
        f"{number(total['redelivered'])} of the loaded were known already",
    ]
    if reasons := figures.quarantine_reasons(stages):
        lines.append("quarantined: " + ", ".join(f"{number(n)} {words.plain(r).lower()}" for r, n in reasons))
    if new := figures.new_columns(stages):
        lines.append(f"new, restricted until the policy names them: {', '.join(new)}")
    return "\n".join(lines)


def _forget(stages: Stages, report: Mapping[str, Any]) -> str:
    """People forgotten, and their rows."""
    return (
        f"{plural(report.get('erased') or 0, 'person', 'people')} forgotten,"
        f" {plural(report.get('rows_erased') or 0, 'row')} erased;"
        f" {number(report.get('erased_before'))} forgotten before stay away\n"
        f"{number(report.get('withdrawn'))} withdrew, {number(report.get('objecting'))} object,"
        f" {number(report.get('restricted'))} restricted"
    )


def _transform(stages: Stages, report: Mapping[str, Any]) -> str:
    """Customers, models, tests."""
    counted, tests = report.get("customers") or {}, report.get("tests") or {}
    return (
        f"{number(counted.get('records'))} records - {number(counted.get('duplicates'))} duplicates"
        f" - {number(counted.get('forgotten'))} forgotten = {number(figures.customers(stages))} customers\n"
        f"{plural(len(report.get('models') or []), 'model')} ran; {number(tests.get('passed'))} data tests"
        f" passed, {number(tests.get('failed'))} failed"
    )


def _release(stages: Stages, report: Mapping[str, Any]) -> str:
    """Marts released and held."""
    held = len(figures.marts(stages, "held"))
    return f"{plural(len(figures.marts(stages, 'released')), 'mart')} released, {number(held)} held"


def _activate(stages: Stages, report: Mapping[str, Any]) -> str:
    """Audiences sent."""
    entries = figures.audiences(stages)
    sent = sum(entry.get("sent") or 0 for entry in entries)
    rehearsed = " (rehearsal: nothing left the house)" if report.get("dry_run") else ""
    return f"{plural(len(entries), 'audience')}, {plural(sent, 'change')} sent{rehearsed}"


def _table(*headings: str) -> Table:
    """Return a bare table: a wide first column, then figures."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        if index == 0:
            table.add_column(heading, min_width=20, ratio=1)
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    return table


def _marts(stages: Stages) -> Table:
    """Each mart with its verdict and how anonymous it is."""
    table = _table("Mart", "Verdict", "People", "Smallest", "Median", "k asked", "Left out")
    for mart in figures.marts(stages):
        table.add_row(
            Text(_title(mart, "mart")),
            Text(str(mart.get("verdict")), style="" if mart.get("verdict") == "released" else "bold yellow"),
            *_how_anonymous(mart, figures.noise(mart, stages)),
        )
    return table


def _how_anonymous(mart: Mapping[str, Any], noise: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return people, smallest and median class, k and who is left out; of noise only what was paid: it has no class."""
    if noise:
        return (number(mart.get("people")), words.UNKNOWN, words.UNKNOWN, f"ε {noise['epsilon']}", words.UNKNOWN)
    return (
        number(mart.get("people")),
        number(mart.get("smallest_class")),
        number(mart.get("median_class")),
        number(mart.get("minimum_class_size")),
        words.percent(mart.get("suppressed_share")),
    )


def _useful(stages: Stages) -> Table:
    """Each mart with what its readers lose, in what measure, and how its columns are told."""
    table = _table("What readers get", "Rows", "Kept", "Raw", "Published", "Loss")
    for one in useful_marts(stages):
        below = Text(f"{one.tier}: {one.measure}\n{one.levels}", style="dim")
        name = Group(Text(one.title), Padding(below, (0, 0, 0, 2)))
        kept = words.percent(one.kept) if one.kept is not None else words.UNKNOWN
        table.add_row(name, number(one.rows), kept, *map(amount, (one.raw, one.published, one.loss)))
    return table


def _audiences(stages: Stages) -> Table:
    """Each audience with whom it may address and what was sent."""
    table = _table("Audience", "Addressable", "Suppressed", "Added", "Removed", "Sent")
    for entry in figures.audiences(stages):
        columns = ("addressable", "suppressed", "added", "removed", "sent")
        table.add_row(Text(_title(entry, "audience")), *[number(entry.get(column)) for column in columns])
    for entry in figures.held_audiences(stages):
        left = number(figures.removed_from(entry.get("audience"), stages))
        table.add_row(Text(_title(entry, "audience")), "", "", "", left, Text("held", style="bold yellow"))
    return table


def _title(entry: Mapping[str, Any], name: str) -> str:
    """Return the title people know it by."""
    return str(entry.get("title") or entry.get(name))


def _task(task: figures.Task) -> RenderableType:
    """Say what waits, why, and the next move."""
    lines: list[RenderableType] = [Text(f"- {reason}") for reason in task.why]
    lines += moves.lines(task.moves)
    lines += [Text(task.next)] if task.next else []
    lines += [Text(f"  {task.command}", style="bold")] if task.command else []
    return Group(Text(task.what, style="bold yellow"), *[Padding(line, (0, 0, 0, 2)) for line in lines])
