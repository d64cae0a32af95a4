"""A first hierarchy for a column, from what is in it; a person then makes it right."""

import math
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymizing.config import QuasiIdentifier
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.hierarchies import build_hierarchy
from trustmart.anonymizing.words import leaf_expression, quoted
from trustmart.errors import TableUnfit
from trustmart.warehouse import Session

# As many leaves as a search takes in its stride.
_MOST_INTERVALS = 100_000
# A label is shown only where at least so many people carry it.
_SHOWN_FROM = 11
_FEW_VALUES = 20
_LONGEST_CODE = 12
# What is hardly ever not a day, or not a number, is one; the rest goes to the fallback.
_MOSTLY = 0.95


@dataclass(frozen=True)
class Draft:
    """A rule to put into a configuration, the hierarchy it makes, and what each level would look like."""

    column: str
    rule: dict[str, Any]
    hierarchy: Hierarchy
    levels: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Return the draft as scripts read it."""
        return {"column": self.column, "quasi_identifier": self.rule, "levels": self.levels}


def draft_hierarchy(session: Session, table: TableFile, column: str) -> Draft:
    """Draft a column's hierarchy; raises TableUnfit where it has no value."""
    table.check_columns([column])
    rule = _rule(session, table, column)
    asked = QuasiIdentifier.model_validate(rule)
    hierarchy = build_hierarchy(session, table, column, asked)
    return Draft(column, rule, hierarchy, [_level(session, table, hierarchy, n) for n in range(hierarchy.levels)])


def _rule(session: Session, table: TableFile, column: str) -> dict[str, Any]:
    """Return a calendar for days, ranges for numbers, prefixes for codes of one length, categories for the rest."""
    name, relation, kind = quoted(column), table.relation, table.columns[column]
    day, number = leaf_expression("day", name, kind, 1), f"try_cast({name} as double)"
    text = f"cast({name} as varchar)"
    # A number is no day, though an engine may read one from it.
    days = day if kind.startswith(("DATE", "TIMESTAMP", "VARCHAR")) else "cast(null as date)"
    found = session.rows(
        f"select count({name}), count({days}), min({days}), max({days}), count({number}), min({number}), max({number}),"
        f" count(distinct {name}), min(length({text})), max(length({text})),"
        f" count(*) filter (where regexp_matches({text}, '^0[0-9]')),"
        f" bool_and({number} = floor({number})), quantile_cont({number}, 0.9) - quantile_cont({number}, 0.1)"
        f" from {relation}"
    )
    filled, as_days, first, last, as_numbers, low, high, distinct, shortest, longest, zeros, whole, middle = found[0]
    if not filled:
        raise TableUnfit(f"{column} has no value in {table.path.name}: there is nothing to draft from")
    if as_days >= _MOSTLY * filled:
        calendar = {"from": f"{first.year:04}-01-01", "to": f"{last.year:04}-12-31"}
        return {"hierarchy": {"calendar": calendar}, "minimum_level": "month", "fallback": "other"}
    is_code = shortest == longest and 1 < longest <= _LONGEST_CODE and distinct > _FEW_VALUES
    if is_code and (zeros or as_numbers < filled):
        return {"hierarchy": {"prefixes": {"length": longest}}, "minimum_level": 1, "fallback": "other"}
    if as_numbers >= _MOSTLY * filled and distinct > _FEW_VALUES:
        return {
            "hierarchy": {"ranges": _ranges(low, high, middle, bool(whole))},
            "minimum_level": 0,
            "fallback": "other",
        }
    return {"hierarchy": {"flat": True}, "minimum_level": 0, "fallback": "other"}


def _ranges(low: float, high: float, middle: float, whole: bool) -> dict[str, Any]:
    """Return intervals that begin at about a fiftieth of what the middle of the values spans, and grow by 2 to 5.

    middle: what four values in five span. Where a few are far off, as amounts of money are, what all of them span would
    put nearly everybody into one interval. Intervals begin at round numbers, so none tells anybody's value.
    """
    span = max(high - low, 1e-9)
    aim = max((middle or span) / 50, span / _MOST_INTERVALS, 1.0 if whole else 0.0)
    step = 10.0 ** math.floor(math.log10(aim))
    step *= next(times for times in (1, 5, 10) if step * times >= aim * 0.5)
    widths = [step]
    for times in cycle((5, 2) if math.log10(step).is_integer() else (2, 5)):
        if widths[-1] * times > max(span, step * 5):
            break
        widths.append(widths[-1] * times)
    edge = max(width for width in widths if width <= max(span / 10, step))
    start, end = math.floor(low / edge) * edge, (math.floor(high / edge) + 1) * edge
    return {"from": _plain(start), "to": _plain(end), "widths": [_plain(width) for width in widths]}


def _plain(number: float) -> float | int:
    """Return a whole number as one."""
    return int(number) if float(number).is_integer() else float(f"{number:.10g}")


def _level(session: Session, table: TableFile, hierarchy: Hierarchy, level: int) -> dict[str, Any]:
    """Return how many labels a level has, how many occur, and some that many people share."""
    name = quoted(hierarchy.name)
    leaf = leaf_expression(hierarchy.matching, name, table.columns[hierarchy.name], hierarchy.interval)
    people: dict[str | None, int] = {}
    ancestors, places = hierarchy.ancestors(level), {key: place for place, key in enumerate(hierarchy.keys)}
    for key, value_missing, count in session.rows(
        f"select {leaf} as leaf, {name} is null, count(*) from {table.relation} group by 1, 2"
    ):
        place = hierarchy.null_leaf if value_missing else places.get(key, hierarchy.outside_leaf)
        if place is not None:
            label = hierarchy.labels[level][ancestors[place]]
            people[label] = people.get(label, 0) + count
    common = sorted((label for label, count in people.items() if label and count >= _SHOWN_FROM), key=str)
    shown = common[:: max(len(common) // 4, 1)][:4]
    return {
        "level": level,
        "name": hierarchy.level_names[level],
        "labels": len(hierarchy.labels[level]),
        "labels_that_occur": len(people),
        "fewest_people": min(people.values(), default=0),
        "examples": shown,
    }
