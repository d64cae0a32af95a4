"""How a cube's labels are told more coarsely: by further columns of their hierarchy's seed, or by the calendar."""

from collections.abc import Mapping, Sequence

from trustmart.gates.measures_sql import Reader, columns_of, quoted, restricted

# A date that no hierarchy is declared for: what it may be the first day of, the finest first.
CALENDAR = ("month", "quarter", "year")

# A column's hierarchy (empty for a date), the level at which it is told, and the one at which it shall be.
Told = Sequence[str]


def coarser_levels(reader: Reader, column: str, hierarchy: str | None, level: str, data_type: str) -> list[str]:
    """Return the levels above the one at which a cube tells a column, the finest first.

    level: a further column of the seed, quarter or year; empty where it is told as its SQL says. A column of the seed
    is a level where every label has one label of it, and not all have the same.
    """
    if hierarchy is None:
        return list(CALENDAR[CALENDAR.index(level or "month") + 1 :]) if data_type == "DATE" else []
    here = level or column
    names = list(columns_of(reader, hierarchy))
    if here not in names:
        return []
    return [name for name in names[names.index(here) + 1 :] if is_level(reader, hierarchy, here, name)]


def is_level(reader: Reader, hierarchy: str, finer: str, coarser: str) -> bool:
    """Return whether every label of a seed's column has exactly one of another, which tells some of them apart."""
    if not {finer, coarser} <= set(columns_of(reader, hierarchy)):
        return False
    ((most, missing, labels),) = reader.rows(
        f"select max(n), sum(missing), (select count(distinct {quoted(coarser)}) from {restricted(hierarchy)})"
        f" from (select count(distinct {quoted(coarser)}) as n,"
        f" sum(case when {quoted(coarser)} is null then 1 else 0 end) as missing"
        f" from {restricted(hierarchy)} where {quoted(finer)} is not null group by {quoted(finer)}) as counted"
    )
    return most == 1 and missing == 0 and labels > 1


def coarse(column: str, told: Told, *, of: str) -> str:
    """Return a column's label as it is told at a coarser level; what the hierarchy does not know stays as it is.

    of: the table that has the column, with its dot: the hierarchy has one of the same name.
    """
    hierarchy, here, there = told
    value = f"{of}{quoted(column)}"
    if not hierarchy:
        return f"cast(date_trunc('{there}', {value}) as date)"
    known = (
        f"select max(known.{quoted(there)}) from {restricted(hierarchy)} as known where known.{quoted(here)} = {value}"
    )
    return f"coalesce(({known}), {value})"


def coarsened(records: str, told: Mapping[str, Told]) -> str:
    """Return the statement of records whose labels are told more coarsely. records: a table, view, or query in ()."""
    if not told:
        return f"select * from {records}"
    labels = ", ".join(f"{coarse(column, one, of='r.')} as {quoted(column)}" for column, one in told.items())
    return f"select r.* replace ({labels}) from {records} as r"
