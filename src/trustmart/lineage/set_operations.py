"""UNION, EXCEPT and INTERSECT: columns are put together, or rows are chosen by those of another query."""

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage.conditions import chosen_by
from trustmart.lineage.forms import Value, either, union
from trustmart.lineage.relations import (
    Choice,
    Columns,
    Hazard,
    Relation,
    Undetermined,
    merged_guards,
    merged_hazards,
    permitted_by_all,
)


def put_together(node: exp.SetOperation, parts: list[Relation]) -> Relation:
    """Return what a set operation yields of its parts, in their order."""
    hazards = merged_hazards(part.hazards for part in parts)
    if not isinstance(node, exp.Union):
        compared = (tuple(_compared(parts)),)
        return replace(parts[0], hazards=merged_hazards((hazards, *compared)), whole=frozenset())
    columns = _by_name(parts) if node.args.get("by_name") else _by_place(parts)
    return Relation(
        columns=columns,
        rows=max(part.rows for part in parts),
        is_mixed=any(part.is_mixed for part in parts),
        classes=frozenset().union(*(part.classes for part in parts)),
        guards=merged_guards(parts),
        keys={name: keys for part in parts for name, keys in part.keys.items()},
        hazards=hazards,
        permitted_for=permitted_by_all(parts),
        is_open=any(part.is_open for part in parts),
    )


def _compared(parts: list[Relation]) -> Iterator[Hazard]:
    """EXCEPT and INTERSECT compare whole rows: yield what chooses by it, unless both rows are the same person's."""
    columns = [[value for _, value in part.columns] for part in parts]
    places = list(zip(*columns, strict=False))
    is_same_person = any(all(value.is_key for value in values) for values in places)
    for values in places:
        of_both = set.intersection(*(set(value.traces) for value in values))
        for name, trace in union(value.traces for value in values).items():
            if not (is_same_person and name in of_both):
                yield from chosen_by([trace], Choice.BY_VALUE)


def parts_of(node: exp.SetOperation) -> Iterator[exp.Expression]:
    """Yield what a chain of the same operation puts together, without going down a thousand steps."""
    right: list[exp.Expression] = []
    current: exp.Expression = node
    while type(current) is type(node) and (current is node or not current.args.get("with_")):
        right.append(current.expression)
        current = current.this
    yield current
    yield from reversed(right)


def _by_place(parts: list[Relation]) -> Columns:
    """Put the columns of a union together by their place."""
    first = parts[0].columns
    if any(part.is_open for part in parts) or any(len(part.columns) != len(first) for part in parts):
        raise Undetermined("the parts of a union do not have the same known columns")
    return tuple((name, _either([part.columns[at][1] for part in parts])) for at, (name, _) in enumerate(first))


def _by_name(parts: list[Relation]) -> Columns:
    """Put the columns of a union together by their name."""
    names = dict.fromkeys(name for part in parts for name, _ in part.columns)
    return tuple((name, _either([value for part in parts for value in part.named(name)])) for name in names)


def _either(values: list[Value]) -> Value:
    """Return what stands in one column; where a part has nobody's value, a sum is over the people of the others."""
    told = [bool(value.traces) for value in values]
    value = either(values)
    return value if all(told) or not any(told) else replace(value, is_part=True)
