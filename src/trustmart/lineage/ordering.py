"""ORDER BY, LIMIT and OFFSET: where rows are taken away, their order chooses who stays."""

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage.conditions import chosen_by
from trustmart.lineage.forms import Value
from trustmart.lineage.relations import Choice, Hazard, Relation, Rows
from trustmart.lineage.scopes import Outputs, Scope

_TAKING = ("limit", "offset", "fetch", "sample")


def take_order(node: exp.Select, outputs: Outputs, scope: Scope) -> None:
    """Take in the order of a SELECT, and whatever says how many rows of it are kept."""
    ordered = [value for one in _ordered(node) for value in _values(one, outputs, scope)]
    for word in _TAKING:
        asked = node.args.get(word)
        if asked is not None and asked.find(exp.Query, exp.Column) is not None:
            ordered.append(scope.evaluate(asked.args.get("expression") or asked.this, scope))
    scope.hazards += _told(ordered, takes=_takes_away(node), rows=scope.rows)


def limited(node: exp.Expression, relation: Relation) -> Relation:
    """Return what is left of rows that are taken away."""
    return replace(relation, whole=frozenset()) if _takes_away(node) else relation


def limited_by_order(node: exp.Expression, relation: Relation) -> Relation:
    """Return what is left of a set operation, or of brackets, whose order names columns of the result."""
    named = dict(relation.columns)
    ordered = [named.get(one.name.lower()) for one in _ordered(node)]
    values = [value for _, value in relation.columns] if None in ordered else [one for one in ordered if one]
    told = _told(values, takes=_takes_away(node), rows=relation.rows)
    return limited(node, replace(relation, hazards=(*relation.hazards, *told)))


def _takes_away(node: exp.Expression) -> bool:
    """True where not all rows stay."""
    distinct = node.args.get("distinct")
    return any(node.args.get(word) for word in _TAKING) or (
        isinstance(distinct, exp.Distinct) and "on" in distinct.args
    )


def _ordered(node: exp.Expression) -> list[exp.Expression]:
    """Return what rows are ordered by."""
    order = node.args.get("order")
    return [] if order is None else [one.this for one in order.expressions]


def _values(node: exp.Expression, outputs: Outputs, scope: Scope) -> Iterator[Value]:
    """Evaluate one thing that rows are ordered by: an expression, the place of a column, or ALL."""
    chosen: list[exp.Expression | Value] = [node]
    if isinstance(node, exp.Literal) and not node.is_string:
        chosen = [outputs[int(node.this) - 1][1]]
    elif isinstance(node, exp.Var) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
        chosen = [one for _, one in outputs]
    for one in chosen:
        yield one if isinstance(one, Value) else scope.evaluate(one, scope)


def _told(ordered: list[Value], *, takes: bool, rows: Rows) -> Iterator[Hazard]:
    """Yield what chooses those who stay. The order of all rows tells nothing: what is published is sorted anew."""
    choice = Choice.BY_VALUE if rows is Rows.PEOPLE else Choice.BY_RANGE
    for value in ordered if takes else ():
        yield from chosen_by((value.ranks_by if value.ranks_by is not None else value.traces).values(), choice)
