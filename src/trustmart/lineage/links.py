"""Links between tables: what a row is looked up by is told by what is found."""

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage.conditions import conjuncts, leaves
from trustmart.lineage.forms import Nature, Traces, union
from trustmart.lineage.relations import Relation, Rows
from trustmart.lineage.scopes import Scope


def look_up(condition: exp.Expression, scope: Scope, *, only: str | None = None) -> None:
    """Give the columns of tables that are found by a person's attributes the types of those attributes.

    only: the table that is found, where the join is an outer one and the others stay as they are.
    """
    linked: set[str] = set()
    pairs: list[tuple[exp.Expression, list[exp.Column]]] = []
    for leaf, _ in leaves(condition):
        columns = list(_columns_here(leaf))
        if _links_people(leaf, scope):
            linked |= {owner for column in columns if (owner := scope.owner(column))}
        elif columns:
            pairs.append((leaf, columns))
    for leaf, columns in pairs:
        _look_up(leaf, columns, linked, only, scope)


def _columns_here(node: exp.Expression) -> Iterator[exp.Column]:
    """Yield the columns of an expression, less those of queries inside it."""
    if isinstance(node, exp.Column):
        yield node
    elif not isinstance(node, exp.Query | exp.Subquery):
        for child in node.iter_expressions():
            yield from _columns_here(child)


def linked_people(condition: exp.Expression, scope: Scope) -> set[str]:
    """Return the tables that a condition links to another by the key of the same person."""
    linked: set[str] = set()
    for part in conjuncts(condition):
        if _links_people(part, scope):
            owners = {scope.owner(side) for side in (part.this, part.expression)}
            linked |= {owner for owner in owners if owner} if len(owners) > 1 else set()
    return linked


def _links_people(leaf: exp.Expression, scope: Scope) -> bool:
    """True for two keys of the same person."""
    if not isinstance(leaf, exp.EQ | exp.NullSafeEQ) or not isinstance(leaf.this, exp.Column):
        return False
    return isinstance(leaf.expression, exp.Column) and all(
        scope.evaluate(side, scope).is_key for side in (leaf.this, leaf.expression)
    )


def _look_up(leaf: exp.Expression, columns: list[exp.Column], linked: set[str], only: str | None, scope: Scope) -> None:
    """Handle one comparison."""
    told: dict[str | None, Traces] = {}
    for column in columns:
        owner = scope.owner(column)
        told[owner] = union((told.get(owner, {}), scope.evaluate(column, scope).traces))
    keys = {column.name.lower() for column in columns}
    people = {alias: source.rows is not Rows.REFERENCE for alias, source in scope.sources.items()}
    for alias in [owner for owner in told if owner is not None and only in (None, owner)]:
        source = scope.sources[alias]
        # What is found in a table of labels says nothing new of the people who are looked up in it.
        others = [owner for owner in told if owner != alias and (people.get(owner or "", True) or not people[alias])]
        matters = {
            key: trace
            for key, trace in union(told[owner] for owner in others).items()
            if trace.nature is not Nature.INSENSITIVE
        }
        if matters and (source.rows is not Rows.PEOPLE or alias not in linked):
            scope.sources[alias] = found_by(source, matters, keys)


def found_by(source: Relation, traces: Traces, keys: set[str]) -> Relation:
    """Return a table whose rows were found by attributes: in a hierarchy, by their coarser labels."""

    def told(name: str) -> Traces:
        if name in keys and source.hierarchy:
            return traces
        if source.hierarchy:
            return {key: trace.labelled(source.hierarchy) for key, trace in traces.items()}
        return {key: trace.derived("looked up") for key, trace in traces.items()}

    if source.rows is Rows.PEOPLE:
        traces = {key: trace for key, trace in traces.items() if not trace.nature.names_a_person}
    columns = tuple((name, value.with_traces(told(name))) for name, value in source.columns)
    return replace(source, columns=columns)
