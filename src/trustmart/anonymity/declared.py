"""Hierarchies exactly as policy declares them: no table is looked at, so they are the same on every night."""

import csv
from pathlib import Path

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.hierarchy_building import calendar, categories, flat, ranges, tree
from trustmart.errors import HierarchyFault
from trustmart.policy import HierarchyRule


def declared_hierarchy(name: str, rule: HierarchyRule, fallback: str | None = None) -> Hierarchy:
    """Build a column's hierarchy from its rule alone.

    Raises HierarchyFault where the leaves change with the data (no first or last day, prefixes, `flat: true`), where
    the rule is no tree, and where its CSV file cannot be read.
    """
    if not rule.is_whole:
        raise HierarchyFault(f"{name}: the leaves of its hierarchy change with the data: declare them all")
    if rule.calendar is not None:
        return calendar(name, rule.calendar.first, rule.calendar.last, fallback=fallback)
    if rule.ranges is not None:
        return ranges(name, rule.ranges.start, rule.ranges.end, rule.ranges.widths, fallback=fallback)
    if rule.csv is not None:
        return _from_csv(name, rule.csv, fallback)
    if rule.tree is not None:
        return tree(name, rule.tree, fallback=fallback)
    return flat(name, rule.flat if isinstance(rule.flat, tuple) else (), fallback=fallback)


def _from_csv(name: str, path: Path, fallback: str | None) -> Hierarchy:
    """Read a line with the names of the levels, then a line per value, finest level first."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        kind = type(error).__name__
        raise HierarchyFault(f"{name}: the hierarchy {path.name} cannot be read ({kind})") from None
    separator = max(",;\t", key=lines[0].count) if lines else ","
    header, *rows = list(csv.reader(lines, delimiter=separator)) or [[]]
    if not rows:
        raise HierarchyFault(f"{name}: the hierarchy {path.name} has no line below the names of its levels")
    ends_in_root = all(len(row) > 1 and row[-1] == "*" for row in rows)
    return categories(name, rows, level_names=header[:-1] if ends_in_root else header, fallback=fallback)
