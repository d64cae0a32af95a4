"""FROM and JOIN: which tables a query reads, and what one of its rows stands for."""

from collections.abc import Iterable
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage.conditions import choose_rows, conjuncts
from trustmart.lineage.forms import CONSTANT, Value, either
from trustmart.lineage.links import linked_people, look_up
from trustmart.lineage.relations import (
    NO_ROWS,
    Relation,
    Rows,
    Undetermined,
    merged_guards,
    merged_hazards,
    permitted_by_join,
)
from trustmart.lineage.scopes import Scope

_FILTERING = ("SEMI", "ANTI")
_OUTER = ("LEFT", "RIGHT", "FULL")


def read_tables(node: exp.Select, scope: Scope) -> None:
    """Open what FROM and JOIN name, one after the other."""
    start = node.args.get("from_")
    joins = list(node.args.get("joins") or ())
    if start is not None:
        _add(start.this, scope, None)
        joins = [*(start.this.args.get("joins") or ()), *joins]
    for lateral in node.args.get("laterals") or ():
        _add(lateral, scope, None)
    for join in joins:
        _add(join.this, scope, join)
        for nested in join.this.args.get("joins") or ():
            _add(nested.this, scope, nested)


def _add(node: exp.Expression, scope: Scope, join: exp.Join | None) -> None:
    """Open one table, and join it to those before it."""
    if join is not None and (join.args.get("method") in ("POSITIONAL",) or join.kind in ("POSITIONAL",)):
        raise Undetermined("a positional join pairs rows by chance")
    alias, relation = table(node, scope)
    if alias in scope.sources:
        raise Undetermined(f"two tables are called {alias}")
    is_first = not scope.sources
    scope.sources[alias] = relation
    if join is None and is_first:
        _begin(relation, scope)
    else:
        _join(alias, relation, join or exp.Join(), scope)


def _begin(relation: Relation, scope: Scope) -> None:
    """The first table."""
    scope.rows, scope.is_single, scope.unit = relation.rows, relation.is_single, relation.unit
    scope.permitted_for, scope.is_mixed = relation.permitted_for, relation.is_mixed
    scope.guards, scope.keys = dict(relation.guards), dict(relation.keys)
    scope.hazards, scope.whole = list(relation.hazards), set(relation.whole)


def _join(alias: str, relation: Relation, join: exp.Join, scope: Scope) -> None:
    """One more table: its rows multiply, choose or fill those that are there."""
    before = [source for name, source in scope.sources.items() if name != alias]
    proofs = replace(NO_ROWS, guards=scope.guards, columns=tuple(pair for one in before for pair in one.columns))
    proofs = replace(proofs, classes=frozenset(name for one in before for name in one.classes))
    condition, side, kind = _condition(join, alias, scope), join.side or "", join.kind or ""
    if kind not in _FILTERING:
        _multiply(condition, alias, relation, scope)
    scope.unit = _keeps_unit(condition, alias, relation, scope) if kind not in _FILTERING else scope.unit
    scope.is_single = scope.is_single and relation.is_single
    scope.hazards = list(merged_hazards((tuple(scope.hazards), relation.hazards)))
    scope.keys.update(relation.keys)
    scope.whole.clear()
    scope.guards = merged_guards((proofs, relation))
    scope.permitted_for = _permitted(scope.permitted_for, relation.permitted_for, side, kind)
    scope.is_mixed = scope.is_mixed or (relation.is_mixed and kind not in _FILTERING)
    linked = linked_people(condition, scope) if condition is not None else set()
    is_own = isinstance(join.this, exp.Unnest)
    if scope.rows is relation.rows is Rows.PEOPLE and kind not in _FILTERING and alias not in linked and not is_own:
        scope.unlinked.add(alias)
    if condition is not None:
        look_up(condition, scope, only=alias if side == "LEFT" else None)
        choose_rows(condition, scope, optional=side in _OUTER)
    _optional(() if side in ("", "RIGHT") else (alias,), scope)
    _optional((name for name in list(scope.sources) if name != alias and side in ("RIGHT", "FULL")), scope)
    if kind in _FILTERING:
        del scope.sources[alias]
    else:
        scope.rows = max(scope.rows, relation.rows)


def _permitted(left: str | None, right: str | None, side: str, kind: str) -> str | None:
    """Return what the people of a join are permitted for."""
    if side == "LEFT" or kind in _FILTERING:
        return left
    if side in ("RIGHT", "FULL"):
        return right if side == "RIGHT" else None
    return permitted_by_join(left, right)


def _condition(join: exp.Join, alias: str, scope: Scope) -> exp.Expression | None:
    """Return the condition of a join; USING and NATURAL are written out."""
    names = [one.name.lower() for one in join.args.get("using") or ()]
    others = {name: source for name, source in scope.sources.items() if name != alias}
    if join.args.get("method") == "NATURAL":
        there = {name for source in others.values() for name, _ in source.columns}
        names = [name for name, _ in scope.sources[alias].columns if name in there]
    if not names:
        on: exp.Expression | None = join.args.get("on")
        return on
    scope.merged |= set(names)
    pairs = []
    for name in names:
        owner = next((other for other, source in others.items() if source.named(name)), None)
        if owner is None:
            raise Undetermined(f"{name} of USING is no column of what it reads")
        pairs.append(exp.EQ(this=exp.column(name, owner), expression=exp.column(name, alias)))
    return exp.and_(*pairs)


def _multiply(condition: exp.Expression | None, alias: str, relation: Relation, scope: Scope) -> None:
    """Remember that rows may come several times: a number that they got before tells nothing of them any more."""
    if relation.is_single or (scope.is_single and scope.rows is Rows.REFERENCE):
        return
    if not (relation.unit and _is_by_key(condition, scope)):
        scope.is_multiplied = True
    scope.sources[alias] = replace(
        relation, columns=tuple((name, replace(value, is_number_of_person=False)) for name, value in relation.columns)
    )


def _optional(aliases: Iterable[str], scope: Scope) -> None:
    """Remember of whom an outer join need not find anything: a sum is over those of whom it does."""
    for alias in aliases:
        source = scope.sources[alias]
        if source.rows is Rows.PEOPLE:
            columns = tuple((name, replace(value, is_part=bool(value.traces))) for name, value in source.columns)
            scope.sources[alias] = replace(source, columns=columns)


def _is_by_key(condition: exp.Expression | None, scope: Scope) -> bool:
    """True for a join by the key of the same person."""
    return condition is not None and any(
        isinstance(part, exp.EQ)
        and all(isinstance(side, exp.Column) and scope.column(side).is_key for side in (part.this, part.expression))
        for part in conjuncts(condition)
    )


def _keeps_unit(condition: exp.Expression | None, alias: str, relation: Relation, scope: Scope) -> bool:
    """True while every row is another person: the new table has at most one row for each that is there."""
    if relation.is_single:
        return scope.unit
    if scope.is_single and scope.rows is Rows.REFERENCE:
        return relation.unit
    return relation.unit and scope.unit and _is_by_key(condition, scope)


def table(node: exp.Expression, scope: Scope) -> tuple[str, Relation]:
    """Open one entry of FROM: (its alias, its types); raises Undetermined for functions, files and pivots."""
    if node.args.get("pivots"):
        raise Undetermined("a pivot makes columns out of values")
    alias = node.alias_or_name.lower()
    relation = _opened(node, scope)
    if node.args.get("sample"):
        relation = replace(relation, whole=frozenset())
    alias_node = node.args.get("alias")
    names = [one.name.lower() for one in alias_node.columns] if isinstance(alias_node, exp.TableAlias) else []
    if isinstance(node, exp.Unnest | exp.Lateral) and alias_node is not None and not names:
        names = [alias]
    return alias or f"table {len(scope.sources)}", relation.renamed(names)


def _opened(node: exp.Expression, scope: Scope) -> Relation:
    """Return the types of one entry of FROM."""
    if isinstance(node, exp.Table):
        return _named(node, scope)
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery | exp.Query):
        return scope.query(node.this.unnest(), scope.inner())
    if isinstance(node, exp.Subquery | exp.Query):
        # What stands in brackets in FROM sees the tables before it too (DuckDB: every subquery is lateral).
        inner = node.this if isinstance(node, exp.Subquery) else node
        if isinstance(inner, exp.Table):
            raise Undetermined("joins in brackets cannot be followed")
        return scope.query(inner, scope.inner())
    if isinstance(node, exp.Values):
        return _values(node, scope)
    unnested = node.this if isinstance(node, exp.Lateral) else node
    if isinstance(unnested, exp.Unnest | exp.Explode):
        value = either([scope.evaluate(one, scope) for one in (unnested.expressions or [unnested.this])])
        rows = Rows.PEOPLE if value.traces else Rows.REFERENCE
        return Relation(columns=(("unnest", value.derived("unnest")),), rows=rows)
    raise Undetermined(f"it reads from {node.key}, which is no model")


def _named(node: exp.Table, scope: Scope) -> Relation:
    """Return a model's, seed's or source's types, or those of a CTE."""
    if not isinstance(node.this, exp.Identifier):
        raise Undetermined("it reads from a function instead of a model")
    name = ".".join(part.name for part in node.parts).lower()
    found = scope.ctes.get(name) if len(node.parts) == 1 else None
    found = found or scope.tables.get(name)
    if found is None:
        raise Undetermined(f"it reads {name}, of which dbt was not told by ref() or source()")
    return found


def _values(node: exp.Values, scope: Scope) -> Relation:
    """Literals in rows; a query inside them is followed."""
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
    columns: list[tuple[str, Value]] = []
    for place in range(len(rows[0])):
        values = [scope.evaluate(row[place], scope) for row in rows if place < len(row)]
        columns.append((f"col{place}", either(values) if any(value.traces for value in values) else CONSTANT))
    told = any(value.traces for _, value in columns)
    return Relation(columns=tuple(columns), rows=Rows.PEOPLE if told else Rows.REFERENCE, is_single=len(rows) == 1)
