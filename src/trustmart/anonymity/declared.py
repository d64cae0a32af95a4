"""Hierarchies that policy declares whole: the same on every night, whatever the data."""

import csv
from pathlib import Path

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.hierarchy_building import calendar, categories, flat, ranges, tree
from trustmart.errors import HierarchyFault
from trustmart.policy import HierarchyRule


def declared_hierarchy(column: str, rule: HierarchyRule, *, fallback: str | None = None) -> Hierarchy:
    """Build a column's hierarchy from its rule alone; raises HierarchyFault where the rule needs data."""
    if rule.calendar is not None and rule.is_whole:
        return calendar(column, rule.calendar.first, rule.calendar.last, fallback=fallback)
    if rule.ranges is not None:
        return ranges(column, rule.ranges.start, rule.ranges.end, rule.ranges.widths, fallback=fallback)
    if rule.csv is not None:
        return read_hierarchy(column, rule.csv, fallback=fallback)
    if rule.tree is not None:
        return tree(column, rule.tree, fallback=fallback)
    if isinstance(rule.flat, tuple):
        return flat(column, rule.flat, fallback=fallback)
    raise HierarchyFault(f"{column}: its hierarchy takes its leaves from the data, so it is another one every night")


def read_hierarchy(column: str, path: Path, *, fallback: str | None = None) -> Hierarchy:
    """Read a hierarchy from CSV: a line with the names of the levels, then a line per value, finest level first."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        kind = type(error).__name__
        raise HierarchyFault(f"{column}: the hierarchy {path.name} cannot be read ({kind})") from None
    lines = text.splitlines()
    separator = max(",;\t", key=lines[0].count) if lines else ","
    header, *rows = list(csv.reader(lines, delimiter=separator)) or [[]]
    if not rows:
        raise HierarchyFault(f"{column}: the hierarchy {path.name} has no line below the names of its levels")
    ends_in_root = all(len(row) > 1 and row[-1] == "*" for row in rows)
    names = header[:-1] if ends_in_root else header
    return categories(column, rows, level_names=names, fallback=fallback)
