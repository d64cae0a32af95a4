"""Which classes the attacks over time, with a register, with other marts and with totals found, as conditions on rows.

The attacks themselves say who stands out; here the same statements name the classes these people are in. The names are
the door's digests of labels, and stay in the engine.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trustmart.errors import HierarchyFault
from trustmart.gates.attacks.history import is_there
from trustmart.gates.attacks.linkability import are_levels, classes_linked, lines_of, lines_of_few
from trustmart.gates.attacks.over_time import classes_changed_by_few, classes_few_stayed_in, classes_with_relabelled
from trustmart.gates.attacks.published import class_id, door_columns, literal, missing_columns, text
from trustmart.gates.attacks.register import classes_named
from trustmart.gates.attacks.table_audit import complements
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, people_of
from trustmart.warehouse.release_history import class_id_of

Asked = Mapping[str, Any]


def changed_by_few(reader: Reader, columns: Sequence[str], asked: Asked) -> str | None:
    """Return the classes that changed by a few people since a release that is remembered (G6)."""
    if not is_there(reader, asked["mart"]):
        return None
    return _in(columns, classes_changed_by_few(reader, asked["mart"], asked["minimum_class_size"]))


def few_stayed(reader: Reader, columns: Sequence[str], asked: Asked) -> str | None:
    """Return the classes in which fewer than k have stayed as long as somebody (G7)."""
    if not is_there(reader, asked["mart"]):
        return None
    return _in(columns, classes_few_stayed_in(reader, asked["mart"], asked["minimum_class_size"]))


def relabelled(reader: Reader, columns: Sequence[str], asked: Asked) -> str | None:
    """Return the classes that have somebody who was in another, though nothing about them came in (G9)."""
    if asked["epoch"] is None or not is_there(reader, asked["mart"]):
        return None
    return _in(columns, classes_with_relabelled(reader, asked["mart"], asked["changed_in"]))


def named(reader: Reader, columns: Sequence[str], asked: Asked) -> str | None:
    """Return the classes that too few of a register fit (G2)."""
    if missing_columns(reader, asked["mart"], asked["columns"]):
        return None
    try:
        found = classes_named(reader, asked["mart"], asked["columns"], asked["minimum_class_size"])
    except HierarchyFault:
        return None
    return f"{class_id(list(asked['columns']))} in ({found})"


def linked(reader: Reader, columns: Sequence[str], asked: Asked) -> str | None:
    """Return the classes in which somebody has labels in both marts that few have (G5)."""
    mart, k = asked["mart"], int(asked["minimum_class_size"])
    found = [
        classes_linked(mart, asked["columns"], k, other, joined)
        for other, joined in asked["others"].items()
        if all(door_columns(reader, f"{one}__members") for one in (mart, other)) and candidate_columns(reader, other)
    ]
    return _any(f"{class_id(asked['columns'])} in ({one})" for one in found)


def subtracted(reader: Reader, columns: Sequence[str], asked: Asked, mart: str) -> str | None:
    """Return the rows that keep a coarser and a finer mart from giving a few people away (G5).

    Of the coarser mart that is the row which says too much; of the finer, the smallest cell of the same line, which
    hides with what is hidden already.
    """
    finer, size, k = asked["mart"], asked["class_size"], int(asked["minimum_class_size"])
    conditions = []
    for other, (their_size, *shared) in asked["coarser"].items():
        if mart not in (finer, other) or not candidate_columns(reader, other):
            continue
        if not {size, *shared} <= set(candidate_columns(reader, finer)):
            continue
        told = asked["told"].get(other, {})
        if not are_levels(reader, told):
            continue
        labels = lines_of(shared, told)
        lines = lines_of_few(reader, finer, size, k, other, their_size, labels)
        if mart == other:
            conditions.append(f"{class_id(shared) if shared else '1'} in ({lines})")
        else:
            conditions.append(f"{class_id(columns)} in ({_smallest(finer, columns, size, labels, lines)})")
    return _any(conditions)


def complementary(reader: Reader, columns: Sequence[str], asked: Asked) -> str | None:
    """Return the cells that hide what totals give away: of each such line, the smallest that is published (G8)."""
    size = asked["class_size"]
    if not asked["additive"] or missing_columns(reader, asked["mart"], [*columns, size]):
        return None
    found = complements(columns, asked["mart"], size, asked["minimum_class_size"], asked["margins"])
    return _any(f"{class_id(columns)} in ({one})" for one in found)


def _smallest(mart: str, columns: Sequence[str], size: str, labels: Mapping[str, str], lines: str) -> str:
    """Return the query of the smallest finest cell of each line."""
    here = class_id_of(labels.values()) if labels else "1"
    finest = " and ".join(f"{text(column)} <> '*'" for column in columns)
    return (
        "select class_id from (select *, row_number() over (partition by line order by people, class_id) as place from"
        f" (select {class_id(columns)} as class_id, {people_of(size)} as people, {here} as line"
        f" from {candidate(mart)} as finer"
        f" where {finest} and {here} in ({lines})) as parts) as ranked where place = 1"
    )


def _in(columns: Sequence[str], classes: Sequence[str]) -> str | None:
    """Return the condition that a row is in one of these classes."""
    return f"{class_id(columns)} in ({', '.join(map(literal, classes))})" if classes else None


def _any(conditions: Iterable[str]) -> str | None:
    """Return the condition that one of several holds."""
    return " or ".join(f"({one})" for one in conditions) or None
