"""What conditions do: choose rows by an attribute, prove how many people a class has, and link tables."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.forms import Form, Nature, Trace, Traces, Value, union
from trustmart.lineage.relations import Choice, Hazard, Relation, Rows
from trustmart.lineage.scopes import Scope

_FLIPPED = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ}


def conjuncts(condition: exp.Expression) -> Iterator[exp.Expression]:
    """Yield the parts of a condition that must all hold."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        for part in condition.flatten():
            yield from conjuncts(part)
    else:
        yield condition


def leaves(condition: exp.Expression, negated: bool = False) -> Iterator[tuple[exp.Expression, bool]]:
    """Yield the comparisons in a condition, and whether each must not hold."""
    condition = condition.unnest()
    if isinstance(condition, exp.And | exp.Or):
        for part in condition.flatten():
            yield from leaves(part, negated)
    elif isinstance(condition, exp.Not):
        yield from leaves(condition.this, not negated)
    else:
        yield condition, negated


def choose_rows(condition: exp.Expression, scope: Scope, *, optional: bool = False) -> None:
    """Take in a condition that decides which rows there are.

    optional: it stands in an outer join, so that rows stay that do not fulfil it: it proves nothing of them.
    """
    parts = list(conjuncts(condition))
    proved = [] if optional else [_proved(part, scope) for part in parts]
    if not proved or not all(proved):
        scope.whole.clear()
    for leaf, negated in leaves(condition):
        scope.hazards += _hazards(leaf, negated, scope)
    scope.hazards += _intervals(parts, scope)


def _proved(part: exp.Expression, scope: Scope) -> bool:
    """Take in what a part proves: people in a class, one row per person, one use case. True if it proves people."""
    compared = _with_literal(part)
    if compared is None:
        return False
    kind, node, literal = compared
    value = scope.evaluate(node, scope)
    if kind is exp.EQ and value.is_use_case and literal.is_string:
        scope.permitted_for = literal.this if scope.permitted_for in ("", literal.this) else scope.permitted_for
    number = _number(literal)
    if number is None:
        return False
    if value.is_number_of_person and number == 1 and kind in (exp.EQ, exp.LTE):
        scope.unit = True
    least = {exp.GT: number + 1, exp.GTE: number, exp.EQ: number}.get(kind)
    if not value.people_of or least is None:
        return False
    for group in value.people_of:
        scope.guards[group] = max(least, scope.guards.get(group, 0))
    return True


def _with_literal(part: exp.Expression) -> tuple[type, exp.Expression, exp.Literal] | None:
    """Return a comparison with a literal as (kind, what is compared, literal)."""
    if isinstance(part, exp.Between) and isinstance(part.args["low"], exp.Literal):
        return exp.GTE, part.this, part.args["low"]
    if isinstance(part, exp.In) and len(part.expressions) == 1 and isinstance(part.expressions[0], exp.Literal):
        return exp.EQ, part.this, part.expressions[0]
    if type(part) not in _FLIPPED:
        return None
    left, right = part.this.unnest(), part.expression.unnest()
    if isinstance(right, exp.Literal):
        return type(part), left, right
    return (_FLIPPED[type(part)], right, left) if isinstance(left, exp.Literal) else None


def _number(literal: exp.Literal) -> int | None:
    """Return a whole number."""
    return int(literal.this) if not literal.is_string and literal.this.isdigit() else None


def _hazards(leaf: exp.Expression, negated: bool, scope: Scope) -> Iterator[Hazard]:
    """Yield the attributes by which a comparison chooses rows."""
    if isinstance(leaf, exp.Exists):
        scope.take_in(scope.query(leaf.this, scope.inner()))
        return
    if isinstance(leaf, exp.Is) and isinstance(leaf.expression, exp.Null):
        scope.evaluate(leaf.this, scope)
        return
    values = _compared_values(leaf, scope)
    if any(value.is_rank for value in values):
        return  # the first of each: what is shown of it keeps its type
    if len(values) > 1 and all(value.is_key for value in values) and isinstance(leaf, exp.EQ | exp.In | exp.NullSafeEQ):
        return  # two rows of the same person
    with_constant = len(values) == 1 or any(not value.traces for value in values)
    by_range = negated or isinstance(leaf, rules.RANGES) or not with_constant
    for trace in union(value.traces for value in values).values():
        yield from _hazard(trace, Choice.BY_RANGE if by_range else Choice.BY_VALUE)


def _compared_values(leaf: exp.Expression, scope: Scope) -> list[Value]:
    """Evaluate what is compared; literals that are listed count as one."""
    if not isinstance(leaf, rules.COMPARISONS):
        return [scope.evaluate(leaf, scope)]
    if isinstance(leaf, exp.In) and not leaf.args.get("query"):
        listed = [value for one in leaf.expressions if (value := scope.evaluate(one, scope)).traces]
        return [scope.evaluate(leaf.this, scope), *listed, Value()]
    return [scope.evaluate(child, scope) for child in leaf.iter_expressions()]


def _hazard(trace: Trace, choice: Choice) -> Iterator[Hazard]:
    """Yield what matters: identifiers always, a quasi-identifier at full resolution, sensitive attributes."""
    if trace.form <= Form.COUNTED or trace.nature is Nature.INSENSITIVE:
        return
    if trace.nature.names_a_person:
        yield Hazard(trace.turned(Form.MEMBERSHIP), choice, "compared")
    elif trace.nature is Nature.SENSITIVE or trace.form >= Form.SCORED:
        yield Hazard(trace, choice, "compared")


def _intervals(parts: list[exp.Expression], scope: Scope) -> Iterator[Hazard]:
    """Yield quasi-identifiers that two ranges together narrow to less than a month."""
    bounds: dict[str, list[tuple[Trace, str]]] = {}
    for part in parts:
        for node, literal in _bounds(part):
            for trace in scope.evaluate(node, scope).traces.values():
                if trace.nature is Nature.QUASI_IDENTIFIER and trace.form >= Form.SCORED:
                    bounds.setdefault(trace.attribute, []).append((trace, literal.name))
    for found in bounds.values():
        if len(found) > 1 and not _is_wide([text for _, text in found]):
            yield Hazard(found[0][0], Choice.BY_VALUE, "narrowed")


def _bounds(part: exp.Expression) -> Iterator[tuple[exp.Expression, exp.Expression]]:
    """Yield (what is compared, literal) of ranges."""
    if isinstance(part, exp.Between):
        yield part.this, _bare(part.args["low"])
        yield part.this, _bare(part.args["high"])
    elif isinstance(part, exp.GT | exp.GTE | exp.LT | exp.LTE):
        left, right = _bare(part.this), _bare(part.expression)
        if isinstance(right, exp.Literal):
            yield part.this, right
        elif isinstance(left, exp.Literal):
            yield part.expression, left


def _bare(node: exp.Expression) -> exp.Expression:
    """Return what is cast."""
    node = node.unnest()
    while isinstance(node, exp.Cast):
        node = node.this
    return node


def _is_wide(texts: list[str]) -> bool:
    """True where the bounds are dates that lie a month apart or more."""
    try:
        days = [date.fromisoformat(text[:10]) for text in texts]
    except ValueError:
        return False
    return (max(days) - min(days)).days >= rules.SHORTEST_INTERVAL_DAYS


# --- Links between tables: what a row is looked up by is told by what is found


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
