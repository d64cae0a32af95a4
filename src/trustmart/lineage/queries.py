"""What a whole query yields: WITH, SELECT, UNION, read as abstract rows, each once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.conditions import choose_rows, conjuncts, linked_people, look_up
from trustmart.lineage.expressions import evaluate
from trustmart.lineage.forms import Form, Nature, Value, either, next_uid
from trustmart.lineage.joins import read_tables
from trustmart.lineage.relations import (
    Columns,
    Relation,
    Rows,
    Undetermined,
    merged_guards,
    merged_hazards,
    permitted_by_all,
)
from trustmart.lineage.scopes import Scope

# A recursive CTE is read again until its types stay; they can only grow, and not for long.
_MOST_ROUNDS = 6


def read_query(node: exp.Query, *, place: str, tables: Mapping[str, Relation]) -> tuple[Relation, set[str]]:
    """Return what a query yields and notes on what was not known; raises Undetermined.

    place: the model's name. tables: full name -> types of what it may read.
    """
    scope = Scope(place=place, tables=tables, ctes={}, evaluate=evaluate, query=_query)
    try:
        return _query(node, scope), scope.notes
    except RecursionError:
        raise Undetermined("it is nested too deeply to be followed") from None


def _query(node: exp.Expression, scope: Scope) -> Relation:
    """Read a SELECT, a UNION, or either in brackets; scope: an empty one, whose parent is what is around it."""
    if isinstance(node, exp.Subquery):
        inner = _query(node.this, scope.inner(ctes=_ctes(node, scope), parent=scope.parent))
        return _limited(node, inner)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, scope)
    if isinstance(node, exp.Select):
        scope.ctes = _ctes(node, scope)
        return _select(node, scope)
    raise Undetermined(f"{node.key} is no query that can be followed")


def _ctes(node: exp.Expression, scope: Scope) -> Mapping[str, Relation]:
    """Read WITH from the top: each CTE sees those before it."""
    clause = node.args.get("with_")
    if clause is None:
        return scope.ctes
    seen = dict(scope.ctes)
    for cte in clause.expressions:
        name, columns = cte.alias.lower(), [one.name.lower() for one in cte.args["alias"].columns]
        if clause.recursive and isinstance(cte.this, exp.SetOperation):
            seen[name] = _recursive(cte.this, name, columns, seen, scope)
        else:
            seen[name] = _query(cte.this, scope.inner(ctes=seen, parent=scope.parent)).renamed(columns)
    return seen


def _recursive(
    node: exp.SetOperation, name: str, columns: list[str], seen: Mapping[str, Relation], scope: Scope
) -> Relation:
    """Read a recursive CTE: first what it starts from, then itself with what is known, until nothing is added."""
    known = _query(node.this, scope.inner(ctes=seen, parent=scope.parent)).renamed(columns)
    for _ in range(_MOST_ROUNDS):
        # What comes back in is no class that anybody has counted.
        around = replace(known, unit=False, is_single=False, guards={}, whole=frozenset())
        again = _query(node, scope.inner(ctes={**seen, name: around}, parent=scope.parent)).renamed(columns)
        if _shape(again) == _shape(known):
            return again
        known = again
    raise Undetermined(f"the recursive {name} does not come to rest")


def _shape(relation: Relation) -> object:
    """Return what must stay the same from one round to the next."""
    columns = [(name, {key: (t.form, t.to) for key, t in value.traces.items()}) for name, value in relation.columns]
    return columns, relation.rows, {hazard.trace.attribute for hazard in relation.hazards}


def _set_operation(node: exp.SetOperation, scope: Scope) -> Relation:
    """UNION puts columns together by place or by name; EXCEPT and INTERSECT choose rows of the first."""
    seen = _ctes(node, scope)
    parts, flat = [], list(_parts(node))
    for part in flat:
        parts.append(_query(part, scope.inner(ctes=seen, parent=scope.parent)))
    hazards = merged_hazards(part.hazards for part in parts)
    if not isinstance(node, exp.Union):
        return _limited(node, replace(parts[0], hazards=hazards, whole=frozenset()))
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


def _parts(node: exp.SetOperation) -> Iterator[exp.Expression]:
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
    return tuple((name, either(part.columns[at][1] for part in parts)) for at, (name, _) in enumerate(first))


def _by_name(parts: list[Relation]) -> Columns:
    """Put the columns of a union together by their name."""
    names = dict.fromkeys(name for part in parts for name, _ in part.columns)
    return tuple((name, either(value for part in parts for value in part.named(name))) for name in names)


def _limited(node: exp.Expression, relation: Relation) -> Relation:
    """LIMIT takes rows away."""
    takes_away = any(node.args.get(word) for word in ("limit", "offset", "sample"))
    return replace(relation, whole=frozenset()) if takes_away else relation


def _select(node: exp.Select, scope: Scope) -> Relation:
    """Read one SELECT in the order in which an engine does."""
    read_tables(node, scope)
    if condition := node.args.get("where"):
        scope.unlinked -= linked_people(condition.this, scope)
        look_up(condition.this, scope)
        choose_rows(condition.this, scope)
    scope.is_mixed = scope.is_mixed or bool(scope.unlinked)
    outputs = list(_outputs(node, scope))
    scope.aliases = {name: one for name, one in outputs if isinstance(one, exp.Expression)}
    single = scope.is_single
    before = scope.rows, scope.unit
    classes = _group(node, outputs, scope)
    if condition := node.args.get("having"):
        choose_rows(condition.this, scope)
    columns = tuple((name, _output(one, scope)) for name, one in outputs)
    if condition := node.args.get("qualify"):
        choose_rows(condition.this, scope)
    _order(node, scope)
    grouped = scope.group is not None
    rows, unit = _rows_after(node, scope) if grouped else (before[0], scope.unit and not _multiplies(node))
    relation = Relation(
        columns=columns,
        rows=rows,
        is_mixed=scope.is_mixed,
        is_single=(single and not grouped) or (grouped and not node.args.get("group")),
        unit=unit,
        classes=classes,
        guards=dict(scope.guards),
        keys=dict(scope.keys),
        whole=frozenset() if grouped else frozenset(scope.whole),
        hazards=merged_hazards((tuple(scope.hazards),)),
        permitted_for=scope.permitted_for,
        is_open=_takes_unknown(node, scope),
        hierarchy=_still_hierarchy(scope, columns),
    )
    return _limited(node, _distinct(node, relation, scope))


def _output(one: exp.Expression | Value, scope: Scope) -> Value:
    """Return the type of one column; what the rows are grouped by is the same thing where it is shown."""
    if isinstance(one, Value):
        return one
    node = one.this if isinstance(one, exp.Alias) else one
    return next((value for key, value in scope.grouped_by if key == node), None) or evaluate(node, scope)


def _takes_unknown(node: exp.Select, scope: Scope) -> bool:
    """True where a star takes columns that nobody knows."""
    stars = [one for one in node.expressions if isinstance(one, exp.Star) or isinstance(one.this, exp.Star)]
    chosen = {one.table.lower() for one in stars if isinstance(one, exp.Column)}
    everything = any(isinstance(one, exp.Star) for one in stars)
    return any(source.is_open for alias, source in scope.sources.items() if everything or alias in chosen)


def _still_hierarchy(scope: Scope, columns: Columns) -> str | None:
    """A CTE over a hierarchy's seed is the hierarchy, as long as every column is what it was, under its own name."""
    only = next(iter(scope.sources.values())) if len(scope.sources) == 1 else None
    if only is None or only.hierarchy is None:
        return None
    known = {(name, value.uid) for name, value in only.columns}
    return only.hierarchy if all((name, value.uid) in known for name, value in columns) else None


def _multiplies(node: exp.Select) -> bool:
    """True where a column makes several rows of one."""
    return any(one.find(exp.Unnest, exp.Explode) is not None for one in node.expressions)


def _outputs(node: exp.Select, scope: Scope) -> Iterator[tuple[str, exp.Expression | Value]]:
    """Yield the columns of the result: (name, expression, or what a star has brought)."""
    numbered = 0
    for one in node.expressions:
        if isinstance(one, exp.Star) or (isinstance(one, exp.Column) and isinstance(one.this, exp.Star)):
            yield from _starred(one, scope)
            continue
        numbered += 1
        yield (one.alias_or_name or f"column {numbered}").lower(), one


def _starred(node: exp.Expression, scope: Scope) -> Iterator[tuple[str, exp.Expression | Value]]:
    """Write a star out; EXCLUDE, REPLACE and RENAME are followed."""
    star = node if isinstance(node, exp.Star) else node.this
    table = "" if isinstance(node, exp.Star) else node.table.lower()
    left_out = {one.name.lower() for one in star.args.get("except_") or ()}
    replaced = {one.alias.lower(): one.this for one in star.args.get("replace") or ()}
    renamed = {one.this.name.lower(): one.alias.lower() for one in star.args.get("rename") or ()}
    if table and table not in scope.sources:
        raise Undetermined(f"{table}.* is no table of what it reads")
    shown: set[str] = set()
    for alias, source in scope.sources.items():
        if table not in ("", alias):
            continue
        for name, value in source.columns:
            if name in left_out or (name in scope.merged and name in shown and not table):
                continue
            shown.add(name)
            yield renamed.get(name, name), replaced.get(name, value)


def _group(node: exp.Select, outputs: list[tuple[str, exp.Expression | Value]], scope: Scope) -> frozenset[int]:
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


def _keys(
    group: exp.Group, outputs: list[tuple[str, exp.Expression | Value]], scope: Scope
) -> Iterator[tuple[str, Value]]:
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
    value = evaluate(node, scope)
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


def _rows_after(node: exp.Select, scope: Scope) -> tuple[Rows, bool]:
    """Return what a grouped row stands for, and whether each is another person: by a name, people; else a class."""
    keys = [value for _, value in scope.keys[scope.group or 0]]
    if scope.rows is Rows.REFERENCE:
        return Rows.REFERENCE, False
    named = any(
        trace.nature.names_a_person and trace.form >= Form.DERIVED for value in keys for trace in value.traces.values()
    )
    return (Rows.PEOPLE, len(keys) == 1 and keys[0].is_key) if named else (Rows.CLASS, False)


def _order(node: exp.Select, scope: Scope) -> None:
    """Where only the first rows are kept, their order chooses them."""
    order = node.args.get("order")
    if order is None:
        return
    limited = node.args.get("limit") is not None
    for ordered in order.expressions:
        if isinstance(ordered.this, exp.Literal):
            continue
        if limited:
            for part in conjuncts(exp.GT(this=ordered.this.copy(), expression=exp.Null())):
                choose_rows(part, scope)
        else:
            evaluate(ordered.this, scope)


def _distinct(node: exp.Select, relation: Relation, scope: Scope) -> Relation:
    """DISTINCT makes classes of equal rows; DISTINCT ON keeps one row of each."""
    distinct = node.args.get("distinct")
    if distinct is None or relation.rows is not Rows.PEOPLE:
        return relation
    if distinct.args.get("on"):
        chosen = [evaluate(one, scope) for one in distinct.args["on"].expressions]
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
