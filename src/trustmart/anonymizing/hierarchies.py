"""Hierarchies for the columns of a table: by the rule that a configuration gives, over the values that occur."""

from datetime import date

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.hierarchy_building import MOST_LEAVES, calendar, flat, prefixes
from trustmart.anonymizing.config import QuasiIdentifier
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.words import leaf_expression, quoted
from trustmart.errors import TableUnfit
from trustmart.policy import CalendarRule
from trustmart.warehouse import Session


def build_hierarchy(session: Session, table: TableFile, column: str, asked: QuasiIdentifier) -> Hierarchy:
    """Build a column's hierarchy; raises HierarchyFault."""
    rule, fallback = asked.hierarchy, asked.fallback
    if rule.is_whole:
        return declared_hierarchy(column, rule, fallback=fallback)
    if rule.calendar is not None:
        return calendar(column, *_days(session, table, column, rule.calendar), fallback=fallback)
    values = distinct_texts(session, table, column)
    if rule.prefixes is not None:
        return prefixes(column, values, length=rule.prefixes.length, keep=rule.prefixes.keep, fallback=fallback)
    return flat(column, values, fallback=fallback)


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
