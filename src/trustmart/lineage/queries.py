"""What a whole query yields: WITH, SELECT, UNION, read as abstract rows, each once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.conditions import choose_rows
from trustmart.lineage.expressions import evaluate
from trustmart.lineage.forms import Value
from trustmart.lineage.grouping import distinct_rows, group_rows, rows_after
from trustmart.lineage.joins import read_tables
from trustmart.lineage.links import linked_people, look_up
from trustmart.lineage.ordering import limited, limited_by_order, take_order
from trustmart.lineage.relations import Columns, Relation, Undetermined, merged_hazards
from trustmart.lineage.scopes import Scope
from trustmart.lineage.set_operations import parts_of, put_together

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
        return limited_by_order(node, inner)
    if isinstance(node, exp.SetOperation):
        seen = _ctes(node, scope)
        parts = [_query(part, scope.inner(ctes=seen, parent=scope.parent)) for part in parts_of(node)]
        return limited_by_order(node, put_together(node, parts))
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
    classes = group_rows(node, outputs, scope)
    if condition := node.args.get("having"):
        choose_rows(condition.this, scope)
    columns = tuple((name, _output(one, scope)) for name, one in outputs)
    if condition := node.args.get("qualify"):
        choose_rows(condition.this, scope)
    take_order(node, outputs, scope)
    grouped, multiplies = scope.group is not None, _multiplies(node)
    if multiplies or scope.is_multiplied:
        columns = tuple((name, replace(value, is_number_of_person=False)) for name, value in columns)
    rows, unit = rows_after(node, scope) if grouped else (before[0], scope.unit and not multiplies)
    relation = Relation(
        columns=columns,
        rows=rows,
        is_mixed=scope.is_mixed,
        is_single=not multiplies and ((single and not grouped) or (grouped and not node.args.get("group"))),
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
    return limited(node, distinct_rows(node, relation, scope))


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
    found = (part for one in node.expressions for part in one.find_all(exp.Unnest, exp.Explode, exp.Anonymous))
    return any(not isinstance(part, exp.Anonymous) or part.name.lower() in rules.MULTIPLYING for part in found)


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
