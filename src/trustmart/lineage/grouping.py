"""GROUP BY and DISTINCT: which classes a query makes, and what is known of the people in each."""

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.forms import Form, Nature, Value, next_uid
from trustmart.lineage.relations import Columns, Relation, Rows
from trustmart.lineage.scopes import Outputs, Scope


def group_rows(node: exp.Select, outputs: Outputs, scope: Scope) -> frozenset[int]:
    """Group the rows if the query does; return the classes that a row stands for."""
    group = node.args.get("group")
    if group is None and not any(_aggregates(one) for _, one in outputs) and not node.args.get("having"):
        return frozenset().union(*(source.classes for source in scope.sources.values()))
    name = next_uid()
    keys = tuple(_keys(group, outputs, scope)) if group is not None else ()
    scope.keys[name] = keys
    scope.guards[name] = _people_at_least(keys, scope)
    scope.group = name
    return frozenset({name})


def _aggregates(node: exp.Expression | Value) -> bool:
    """True where an expression runs over several rows, other than in a window or a subquery."""
    if isinstance(node, Value | exp.Query | exp.Subquery):
        return False
    if isinstance(node, exp.Window):
        inside = [*node.this.iter_expressions(), *(node.args.get("partition_by") or ())]
        inside += [node.args["order"]] if node.args.get("order") else []
        return any(_aggregates(child) for child in inside)
    if isinstance(node, exp.AggFunc | exp.WithinGroup) or (
        isinstance(node, exp.Anonymous) and node.name.lower() in rules.AGGREGATES
    ):
        return True
    return any(_aggregates(child) for child in node.iter_expressions())


def _keys(group: exp.Group, outputs: Outputs, scope: Scope) -> Iterator[tuple[str, Value]]:
    """Yield what the rows are grouped by: expressions, places, aliases, ALL, and all that grouping sets name."""
    if group.args.get("all"):
        for name, one in outputs:
            if isinstance(one, Value) or not _aggregates(one):
                yield name, _remembered(one, scope)
        return
    for one in _key_nodes(group):
        if isinstance(one, exp.Literal) and not one.is_string:
            name, chosen = outputs[int(one.this) - 1]
            yield name, _remembered(chosen, scope)
        else:
            yield one.alias_or_name.lower(), _remembered(_named_output(one, scope), scope)


def _named_output(node: exp.Expression, scope: Scope) -> exp.Expression:
    """Return the expression behind an alias that rows are grouped by; a column of the tables goes before it."""
    is_alias = isinstance(node, exp.Column) and not node.table and scope.owner(node) is None
    return scope.aliases.get(node.name.lower(), node) if is_alias else node


def _remembered(one: exp.Expression | Value, scope: Scope) -> Value:
    """Evaluate what the rows are grouped by, once."""
    if isinstance(one, Value):
        return one
    node = one.this if isinstance(one, exp.Alias) else one
    value = scope.evaluate(node, scope)
    scope.grouped_by.append((node, value))
    return value


def _key_nodes(node: exp.Expression) -> Iterator[exp.Expression]:
    """Yield the expressions in GROUP BY, ROLLUP, CUBE, GROUPING SETS."""
    for child in node.iter_expressions():
        if isinstance(child, exp.GroupingSets | exp.Rollup | exp.Cube | exp.Tuple):
            yield from _key_nodes(child)
        else:
            yield child.unnest()


def _people_at_least(keys: Columns, scope: Scope) -> int:
    """Return how many people each new class has for certain: as many as the classes that it is made of."""
    if scope.rows is Rows.CLASS:
        names = frozenset().union(*(source.classes for source in scope.sources.values()))
        return min((scope.guards.get(name, 0) for name in names), default=0)
    chosen = {value.uid for _, value in keys}
    spans = [
        scope.guards.get(name, 0)
        for name in scope.whole
        if chosen <= {value.uid for _, value in scope.keys.get(name, ())}
    ]
    return max(spans, default=0)


def rows_after(node: exp.Select, scope: Scope) -> tuple[Rows, bool]:
    """Return what a grouped row stands for, and whether each is another person: by a name, people; else a class."""
    keys = [value for _, value in scope.keys[scope.group or 0]]
    if scope.rows is Rows.REFERENCE:
        return Rows.REFERENCE, False
    named = any(
        trace.nature.names_a_person and trace.form >= Form.DERIVED for value in keys for trace in value.traces.values()
    )
    return (Rows.PEOPLE, len(keys) == 1 and keys[0].is_key) if named else (Rows.CLASS, False)


def distinct_rows(node: exp.Select, relation: Relation, scope: Scope) -> Relation:
    """DISTINCT makes classes of equal rows; DISTINCT ON keeps one row of each."""
    distinct = node.args.get("distinct")
    if distinct is None or relation.rows is not Rows.PEOPLE:
        return relation
    if distinct.args.get("on"):
        chosen = [scope.evaluate(one, scope) for one in distinct.args["on"].expressions]
        return replace(relation, unit=len(chosen) == 1 and chosen[0].is_key, whole=frozenset())
    named = any(
        trace.nature.names_a_person and trace.nature is not Nature.UNKNOWN and trace.form >= Form.DERIVED
        for _, value in relation.columns
        for trace in value.traces.values()
    )
    if named:
        return replace(relation, unit=len(relation.columns) == 1 and relation.columns[0][1].is_key, whole=frozenset())
    name = next_uid()
    keys = tuple(pair for pair in relation.columns if not pair[1].people_of)
    whole = _spanned(relation, keys)
    return replace(
        relation,
        rows=Rows.CLASS,
        classes=frozenset({name}),
        guards={**relation.guards, name: whole},
        keys={**relation.keys, name: keys},
        whole=frozenset(),
    )


def _spanned(relation: Relation, keys: Columns) -> int:
    """Return how many people each of the distinct rows stands for at least, by the windows that are whole."""
    chosen = {value.uid for _, value in keys if value.traces}
    spans = [
        relation.guards.get(name, 0)
        for name in relation.whole
        if chosen <= {value.uid for _, value in relation.keys.get(name, ())}
    ]
    return max(spans, default=0)
