"""What readers of an open cube lose: people, sums, and the error of simple questions."""

from collections.abc import Iterator
from statistics import median
from typing import Any

from trustmart.anonymity.cubes import ROLLED
from trustmart.anonymity.usefulness import COARSE, FINE, Utility, told
from trustmart.anonymizing.cubes import cells_sql
from trustmart.anonymizing.cubes.cells_sql import CELLS, CONTRIBUTIONS
from trustmart.anonymizing.words import class_id, quoted
from trustmart.policy.releases import Release
from trustmart.warehouse import Session


def usefulness(session: Session, release: Release, target: str) -> dict[str, Any]:
    """Return the share of each sum that is not published, the error of every total by a single column, and `utility`.

    query_error: relative error of the total of people (each once per cell), records and sums by the labels of one
    column (its margin where that is published, else added up from the finest published rows) against the truth: median
    and maximum over all labels. Where people are in several cells, a margin counts them once and so differs. Both are
    told in steps, upwards: the exact error of a total is how much of it was left out.
    """
    errors = [
        abs(float(shown) - float(true)) / abs(float(true))
        for question in _questions(release, target)
        for shown, true in session.rows(question)
        if true
    ]
    typical = told(median(errors), step=FINE) if errors else 0.0
    return {
        "utility": Utility(measure="accuracy of totals (median)", raw=1.0, published=1 - typical).as_dict(),
        "sums_suppressed": {
            name: told(_suppressed(session, release, target, name), step=FINE) for name in _sums(release)
        },
        "query_error": {
            "questions": len(errors),
            "median": typical,
            "largest": told(max(errors, default=0.0), step=COARSE),
        },
    }


def _questions(release: Release, target: str) -> Iterator[str]:
    """Yield one statement per column and figure: what readers find for each label, and what is true."""
    for column in release.quasi_identifiers:
        name = quoted(f"cell_{column}")
        for shown, true in _figures(release):
            yield (
                f"select coalesce(margin.total, found.total, 0), truth.total"
                f" from (select cells.{name} as label, sum({true}) as total"
                f" from {_truth()} group by cells.{name}) as truth"
                f" left join ({_found(release, target, column, shown, _finest(release))}) as found"
                f" on found.label is not distinct from truth.label"
                f" left join ({_found(release, target, column, shown, _margin(release, column))}) as margin"
                f" on margin.label is not distinct from truth.label"
            )


def _found(release: Release, target: str, column: str, shown: str, where: str) -> str:
    """Return the statement that adds a figure up by the labels of a column."""
    return (
        f"select {quoted(column)} as label, sum({shown}) as total from {target} where {where} group by {quoted(column)}"
    )


def _margin(release: Release, column: str) -> str:
    """Return the condition on the rows that sum over all other columns; no row where they are not published."""
    if (column,) not in release.margins:
        return "1 = 0"
    others = [other for other in release.quasi_identifiers if other != column]
    every = [f"{quoted(other)} = '{ROLLED}'" for other in others]
    itself = [f"coalesce({quoted(column)}, '') <> '{ROLLED}'"] if column in cells_sql.rolled_columns(release) else []
    return " and ".join([*every, *itself]) or "1 = 0"


def _figures(release: Release) -> Iterator[tuple[str, str]]:
    """Yield what can be added up over cells: as the mart calls it, and as it is."""
    yield quoted(release.class_size or "people"), "one.people"
    for name, measure in release.measures.items():
        if measure.how == "records":
            yield quoted(name), "one.records"
        if measure.how == "sum":
            yield quoted(name), f"one.{cells_sql.amount(release, name)}"


def _truth() -> str:
    """Return the finest cells with what every person adds to them."""
    return (
        f"(select *, 1 as people from {CONTRIBUTIONS} where level = 0) as one"
        f" join {CELLS} as cells on cells.class_id = one.class_id"
    )


def _finest(release: Release) -> str:
    """Return the condition that leaves margins out."""
    rolled = [
        f"coalesce({quoted(column)}, '') <> '{ROLLED}'"
        for column in release.quasi_identifiers
        if column in cells_sql.rolled_columns(release)
    ]
    return " and ".join(rolled) or "1 = 1"


def _sums(release: Release) -> list[str]:
    """Return the measures that are sums."""
    return [name for name, measure in release.measures.items() if measure.how == "sum"]


def _suppressed(session: Session, release: Release, target: str, name: str) -> float:
    """Return which share of a sum is in no published finest cell (sizes of amounts, so that signs do not cancel)."""
    part = f"abs({cells_sql.amount(release, name)})"
    classes = class_id(release.quasi_identifiers)
    total, shown = session.rows(
        f"select coalesce(sum({part}), 0), coalesce(sum(case when class_id in (select {classes} from {target})"
        f" then {part} end), 0) from {CONTRIBUTIONS} where level = 0"
    )[0]
    return 1 - float(shown) / float(total) if total else 0.0
