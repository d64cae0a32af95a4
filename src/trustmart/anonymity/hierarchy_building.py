"""Ways to make a hierarchy: by the calendar, by intervals, by prefixes, from a table or a tree of categories."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from trustmart.anonymity.hierarchy import ROOT, Hierarchy, assemble
from trustmart.errors import HierarchyFault

CALENDAR_LEVELS = ("day", "month", "quarter", "year", "5 years", "decade")
MOST_LEAVES = 2_000_000


# Tens of thousands of days, asked for by every mart and attack; what is returned cannot be changed.
@lru_cache(maxsize=16)
def calendar(name: str, first: date | None, last: date | None, *, fallback: str | None = None) -> Hierarchy:
    """Build day → month → quarter → year → 5 years → decade → `*`; every day from first to last is a leaf.

    Without first and last it knows no day at all: the hierarchy of a column of nulls.
    """
    days: list[date] = []
    if first is not None and last is not None:
        if first > last:
            raise HierarchyFault(f"{name}: the calendar ends before it begins")
        days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    columns = [
        [day.isoformat() for day in days],
        [f"{day.year}-{day.month:02}" for day in days],
        [f"{day.year}-Q{(day.month + 2) // 3}" for day in days],
        [str(day.year) for day in days],
        [_span(day.year, 5) for day in days],
        [_span(day.year, 10) for day in days],
    ]
    return assemble(name, days, columns, level_names=CALENDAR_LEVELS, matching="day", fallback=fallback)


def ranges(name: str, start: float, end: float, widths: Sequence[float], *, fallback: str | None = None) -> Hierarchy:
    """Build intervals of growing width over [start, end); a value belongs to the interval it is not below.

    widths: the finest first, each a multiple of the one before; intervals begin at multiples of their width.
    Labels read `20-24` where all numbers are whole, `[0.5, 1)` otherwise.
    """
    _check_widths(name, start, end, widths)
    finest = widths[0]
    first, last = round(start / finest), round(end / finest)
    steps = [round(width / finest) for width in widths]
    whole = all(float(number).is_integer() for number in (start, end, *widths))
    columns = [
        [_interval(place // step * step * finest, width, whole) for place in range(first, last)]
        for step, width in zip(steps, widths, strict=True)
    ]
    names = [f"width {width:g}" for width in widths]
    keys = range(first, last)
    return assemble(name, keys, columns, level_names=names, matching="interval", fallback=fallback, interval=finest)


def prefixes(
    name: str, values: Iterable[str], *, length: int, keep: Sequence[int] | None = None, fallback: str | None = None
) -> Hierarchy:
    """Build prefixes of codes such as postcodes: 75011 → 7501* → … → `*`. Values of another length are outside.

    keep: how many characters each level keeps, all of them first (one less per level unless given).
    """
    kept = list(keep) if keep is not None else list(range(length, 0, -1))
    if not kept or kept[0] != length or any(fewer >= more or fewer < 1 for more, fewer in pairwise(kept)):
        raise HierarchyFault(f"{name}: prefixes keep all {length} characters first, then ever fewer")
    leaves = sorted({value for value in values if len(value) == length})
    columns = [[leaf[:characters] + ROOT * (length - characters) for leaf in leaves] for characters in kept]
    names = [f"{characters} characters" for characters in kept]
    return assemble(name, leaves, columns, level_names=names, fallback=fallback)


def categories(
    name: str,
    paths: Iterable[Sequence[str]],
    *,
    level_names: Sequence[str] | None = None,
    fallback: str | None = None,
) -> Hierarchy:
    """Build a tree from one row per leaf: the leaf, its group, the group's group …; a last `*` may be left out.

    Raises HierarchyFault for rows of unequal length, empty labels, leaves that occur twice, labels with two parents.
    """
    rows = [tuple(path) for path in paths]
    if rows and all(len(row) > 1 and row[-1] == ROOT for row in rows):
        rows = [row[:-1] for row in rows]
    depths = {len(row) for row in rows}
    if len(depths) > 1:
        raise HierarchyFault(f"{name}: the rows of a hierarchy have one length; these have {sorted(depths)}")
    if empty := sum(1 for row in rows if not all(row)):
        raise HierarchyFault(f"{name}: {empty} rows of the hierarchy have an empty label")
    depth = depths.pop() if depths else 1
    names = list(level_names) if level_names else ["exact", *(f"group {level}" for level in range(1, depth))]
    if len(names) != depth:
        raise HierarchyFault(f"{name}: {depth} levels below {ROOT} need as many names, not {len(names)}")
    columns = [[row[level] for row in rows] for level in range(depth)]
    return assemble(name, [row[0] for row in rows], columns, level_names=names, fallback=fallback)


def tree(name: str, branches: Mapping[str, Any], *, fallback: str | None = None) -> Hierarchy:
    """Build a hierarchy from nested groups, `{group: {subgroup: [value, …]}}`.

    A value that lies less deep than others stands for its missing groups too.
    """
    rows = list(_leaves(branches, ()))
    depth = max((len(row) for row in rows), default=1)
    return categories(name, [(row[0],) * (depth - len(row)) + row for row in rows], fallback=fallback)


def flat(name: str, values: Iterable[str], *, fallback: str | None = None) -> Hierarchy:
    """Build the hierarchy that knows only exact and `*`."""
    return categories(name, [(value,) for value in sorted(set(values))], fallback=fallback)


def _span(year: int, years: int) -> str:
    """Return the label of some years that begin at a multiple of their number."""
    first = year // years * years
    return f"{first}-{first + years - 1}"


def _interval(low: float, width: float, whole: bool) -> str:
    """Return an interval's label."""
    if not whole:
        return f"[{low:.10g}, {low + width:.10g})"
    return f"{low:.0f}" if width == 1 else f"{low:.0f}-{low + width - 1:.0f}"


def _check_widths(name: str, start: float, end: float, widths: Sequence[float]) -> None:
    """Refuse intervals that do not nest, do not end, or are too many."""
    if not widths or min(widths) <= 0 or start >= end:
        raise HierarchyFault(f"{name}: ranges need a start below their end, and widths above 0")
    if any(wider <= width or not _is_multiple(wider, width) for width, wider in pairwise(widths)):
        raise HierarchyFault(f"{name}: each width must be a multiple of the one before")
    if not (_is_multiple(start, widths[0]) and _is_multiple(end, widths[0])):
        raise HierarchyFault(f"{name}: start and end must be multiples of the finest width")
    if (end - start) / widths[0] > MOST_LEAVES:
        raise HierarchyFault(f"{name}: more than {MOST_LEAVES:,} intervals; widen the finest width")


def _is_multiple(number: float, of: float) -> bool:
    """Return whether a number is a whole multiple of another, up to the last digits."""
    return abs(number / of - round(number / of)) < 1e-9


def _leaves(branches: Mapping[str, Any] | Sequence[Any], above: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """Walk down to the values, each with its groups."""
    if isinstance(branches, Mapping):
        for label, below in branches.items():
            yield from _leaves(below, (str(label), *above)) if below else [(str(label), *above)]
    else:
        for value in branches:
            yield (str(value), *above)
