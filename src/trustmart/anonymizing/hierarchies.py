"""Hierarchies for the columns of a table: by the rule that a configuration gives, over the values that occur."""

import csv
from datetime import date
from pathlib import Path

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.hierarchy_building import MOST_LEAVES, calendar, categories, flat, prefixes, ranges, tree
from trustmart.anonymizing.config import CalendarRule, QuasiIdentifier
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.words import leaf_expression, quoted
from trustmart.errors import HierarchyFault, TableUnfit
from trustmart.warehouse import Session


def build_hierarchy(session: Session, table: TableFile, column: str, asked: QuasiIdentifier) -> Hierarchy:
    """Build a column's hierarchy; raises HierarchyFault."""
    rule, fallback = asked.hierarchy, asked.fallback
    if rule.calendar is not None:
        return calendar(column, *_days(session, table, column, rule.calendar), fallback=fallback)
    if rule.ranges is not None:
        return ranges(column, rule.ranges.start, rule.ranges.end, rule.ranges.widths, fallback=fallback)
    if rule.prefixes is not None:
        values = distinct_texts(session, table, column)
        return prefixes(column, values, length=rule.prefixes.length, keep=rule.prefixes.keep, fallback=fallback)
    if rule.csv is not None:
        return read_hierarchy(column, rule.csv, fallback=fallback)
    if rule.tree is not None:
        return tree(column, rule.tree, fallback=fallback)
    return flat(column, distinct_texts(session, table, column), fallback=fallback)


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


def distinct_texts(session: Session, table: TableFile, column: str) -> list[str]:
    """Return the different values of a column as text; raises TableUnfit where there are too many to be categories."""
    name = quoted(column)
    where = f"from {table.relation} where {name} is not null"
    found = session.rows(f"select distinct cast({name} as string) {where} limit {MOST_LEAVES + 1}")
    if len(found) > MOST_LEAVES:
        raise TableUnfit(
            f"{column} has more than {MOST_LEAVES:,} different values: that is no category but an identifier."
            " Leave it out, or give it a hierarchy of ranges or a calendar"
        )
    return sorted(value for (value,) in found)


def _days(session: Session, table: TableFile, column: str, rule: CalendarRule) -> tuple[date | None, date | None]:
    """Return the first and last day: as declared, or as they occur."""
    if rule.first is not None and rule.last is not None:
        return rule.first, rule.last
    day = leaf_expression("day", quoted(column), table.columns[column], 1)
    ((first, last),) = session.rows(f"select min({day}), max({day}) from {table.relation}")
    return rule.first or first, rule.last or last
