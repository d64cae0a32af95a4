"""SQL of an open cube: what each person adds to each cell, the cells, and their figures as they are published."""

from collections.abc import Iterator

from trustmart.anonymity.cubes import ROLLED
from trustmart.anonymizing.words import listed, quoted
from trustmart.policy.releases import Measure, Release
from trustmart.warehouse.release_history import class_id_of

CONTRIBUTIONS = "cube_contributions"
CELLS = "cube_cells"


def rolled_columns(release: Release) -> set[str]:
    """Return the columns that some margin sums over: they are text, because `*` is among their labels."""
    return {column for margin in release.margins for column in release.quasi_identifiers if column not in margin}


def contributions(release: Release, records: str) -> str:
    """Return the statement that yields one row per cell and person: labels, level, class_id, records, amounts.

    level is 0 in the finest cells; a margin's has a bit set for every column it sums over.
    """
    columns = list(release.quasi_identifiers)
    places = [f"label_{place}" for place in range(len(columns))]
    source = [f"{quoted(column)} as {place}" for column, place in zip(columns, places, strict=True)]
    needed = [f"{quoted(column)} as source_{number}" for number, column in enumerate(_source_columns(release))]
    kept = [[place for column, place in zip(columns, places, strict=True) if column in one] for one in _sets(release)]
    sets = listed(f"({listed([*one, 'subject_id'])})" for one in kept)
    level = " + ".join(f"{2**number} * grouping({place})" for number, place in enumerate(places))
    return (
        f"with grouped as (select {listed(_labels(release))}, {level} as level, subject_id, count(*) as records"
        f"{_amounts(release)} from (select subject_id, {listed(source + needed)} from {records}) as source"
        f" group by grouping sets ({sets}))"
        f" select {class_id_of(names(release))} as class_id, grouped.* from grouped"
    )


def cells(release: Release) -> str:
    """Return the statement that yields one row per cell, unsafe ones included: people, records, figures, slack."""
    figures = [f"{_figure(release, name)} as {quoted(f'figure_{name}')}" for name in release.measures]
    slacks, joined = _slacks(release)
    return (
        f"with counted as (select class_id, {listed(names(release))}, level, count(*) as people,"
        f" sum(records) as records{''.join(', ' + figure for figure in figures)}"
        f" from {CONTRIBUTIONS} group by class_id, {listed(names(release))}, level)"
        f" select counted.*{slacks} from counted{joined}"
    )


def names(release: Release) -> list[str]:
    """Return the label columns of contributions and cells; they never clash with what a mart calls its own."""
    return [quoted(f"cell_{column}") for column in release.quasi_identifiers]


def published(release: Release) -> str:
    """Return the select list that turns a cell into a row of the mart."""
    labels = [
        f"cells.{name} as {quoted(column)}"
        for name, column in zip(names(release), release.quasi_identifiers, strict=True)
    ]
    size = [f"cast(cells.people as bigint) as {quoted(release.class_size or 'people')}"]
    return listed(
        [*labels, *size, *(f"cells.{quoted(f'figure_{name}')} as {quoted(name)}" for name in release.measures)]
    )


def summed(release: Release) -> list[str]:
    """Return the measures that the p %-rule is about: sums, and means (with the number of people, they are sums)."""
    return [name for name, measure in release.measures.items() if measure.how in ("sum", "mean")]


def amount(release: Release, name: str) -> str:
    """Return the column of contributions that holds a person's part of a measure."""
    return f"amount_{list(release.measures).index(name)}"


def _sets(release: Release) -> Iterator[tuple[str, ...]]:
    """Yield the sets of columns that cells are made for: all of them, then each margin's, once."""
    everything = tuple(release.quasi_identifiers)
    seen = {frozenset(everything)}
    yield everything
    for margin in release.margins:
        if frozenset(margin) not in seen:
            seen.add(frozenset(margin))
            yield tuple(margin)


def _labels(release: Release) -> Iterator[str]:
    """Yield the labels: `*` where a margin sums over a column, and then text."""
    rolled = rolled_columns(release)
    for place, (column, name) in enumerate(zip(release.quasi_identifiers, names(release), strict=True)):
        if column in rolled:
            text = f"cast(label_{place} as string)"
            yield f"case when grouping(label_{place}) = 1 then '{ROLLED}' else {text} end as {name}"
        else:
            yield f"label_{place} as {name}"


def _source_columns(release: Release) -> list[str]:
    """Return the columns of the records that measures read, in the order of their measures."""
    return [measure.source_column for measure in release.measures.values() if _reads(measure)]


def _reads(measure: Measure) -> bool:
    """Return whether a measure looks at a column, and not only at who is there."""
    return measure.how in ("sum", "mean", "share")


def _amounts(release: Release) -> str:
    """Return each person's part of each measure."""
    reading = [name for name, measure in release.measures.items() if _reads(measure)]
    parts = ""
    for number, name in enumerate(reading):
        source = f"source_{number}"
        is_share = release.measures[name].how == "share"
        expression = f"max(case when {source} then 1 else 0 end)" if is_share else f"sum({source})"
        parts += f", {expression} as {amount(release, name)}"
    return parts


def _figure(release: Release, name: str) -> str:
    """Return a measure of a cell as it is published. A person counts once in means and shares."""
    measure, part = release.measures[name], amount(release, name)
    if measure.how == "records":
        return "cast(sum(records) as bigint)"
    if measure.how == "people":
        return "cast(count(*) as bigint)"
    if measure.how == "share":
        share = f"round(cast(sum({part}) as double) / count(*) * 20) / 20"
        return f"cast(least(0.95, greatest(0.05, {share})) as decimal(4, 2))"
    total = f"cast(sum({part}) as double)"
    return rounded(total if measure.how == "sum" else f"{total} / nullif(count({part}), 0)", measure)


def rounded(value: str, measure: Measure) -> str:
    """Return a figure to the nearest step: a whole number where the step is whole, else with the step's decimals.

    value: a double. Engines divide decimals each in their own way, and doubles alike.
    """
    step = measure.round_to
    if step is None:
        return value
    if float(step).is_integer():
        return f"cast(round(({value}) / {int(step)}) * {int(step)} as bigint)"
    decimals = len(f"{step:.10f}".rstrip("0").split(".")[1])
    return f"cast(round(({value}) / {step!r}) * {step!r} as decimal(38, {decimals}))"


def _slacks(release: Release) -> tuple[str, str]:
    """Return the columns that say how far each sum passes the p %-rule (times 100), and what they are joined from."""
    if release.dominance_percent is None:
        return "", ""
    columns, joined = "", ""
    for number, name in enumerate(summed(release)):
        ordered = f"row_number() over (partition by class_id order by abs({amount(release, name)}) desc nulls last)"
        ranked = (
            f"select class_id, cast(abs({amount(release, name)}) as double) as part, {ordered} as place"
            f" from {CONTRIBUTIONS}"
        )
        slack = (
            f"100 * coalesce(sum(case when place > 2 then part end), 0)"
            f" - {release.dominance_percent!r} * coalesce(max(case when place = 1 then part end), 0)"
        )
        joined += (
            f" left join (select class_id, {slack} as slack from ({ranked}) as ranked group by class_id)"
            f" as ranked_{number} on ranked_{number}.class_id = counted.class_id"
        )
        columns += f", ranked_{number}.slack as slack_{number}"
    return columns, joined
