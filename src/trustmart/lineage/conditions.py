"""What conditions do: choose rows by an attribute, and prove how many people a class has."""

from collections.abc import Iterable, Iterator
from datetime import date

from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.forms import Form, Nature, Trace, Value, is_plain, union, words_of
from trustmart.lineage.relations import Choice, Hazard
from trustmart.lineage.scopes import Scope

_FLIPPED = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ}

_OPPOSITE = {exp.GT: exp.LTE, exp.GTE: exp.LT, exp.LT: exp.GTE, exp.LTE: exp.GT}


def conjuncts(condition: exp.Expression) -> Iterator[exp.Expression]:
    """Yield the parts of a condition that must all hold."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        for part in condition.flatten():
            yield from conjuncts(part)
    elif isinstance(condition, exp.Not):
        yield from _denied(condition.this.unnest())
    else:
        yield condition


def _denied(condition: exp.Expression) -> Iterator[exp.Expression]:
    """Yield the parts that must all hold where a condition must not."""
    if isinstance(condition, exp.Or):
        for part in condition.flatten():
            yield from _denied(part.unnest())
    elif isinstance(condition, exp.Not):
        yield from conjuncts(condition.this)
    elif type(condition) in _OPPOSITE:
        left, right = condition.this.copy(), condition.expression.copy()
        yield _OPPOSITE[type(condition)](this=left, expression=right)
    else:
        yield exp.Not(this=condition.copy())


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
    if value.is_number_of_person and number == 1 and kind in (exp.EQ, exp.LTE) and not scope.is_multiplied:
        scope.unit = True
    least = {exp.GT: number + 1, exp.GTE: number, exp.EQ: number}.get(kind)
    if not value.people_of or least is None:
        return False
    for group in value.people_of:
        scope.guards[group] = max(least, scope.guards.get(group, 0))
    return True


def _with_literal(part: exp.Expression) -> tuple[type, exp.Expression, exp.Literal] | None:
    """Return a comparison with a literal as (kind, what is compared, literal)."""
    if isinstance(part, exp.Between) and isinstance(part.args["low"], exp.Literal) and not part.args.get("symmetric"):
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
        yield from _of_presence(scope.evaluate(leaf.this, scope))
        return
    values = _compared_values(leaf, scope)
    for ranks_by in [value.ranks_by for value in values if value.ranks_by is not None]:
        yield from chosen_by(ranks_by.values(), Choice.BY_VALUE)  # the first by some order, or all but the first
    values = [value if value.ranks_by is None else Value() for value in values]
    if len(values) > 1 and all(value.is_key for value in values) and isinstance(leaf, exp.EQ | exp.In | exp.NullSafeEQ):
        return  # two rows of the same person
    with_constant = len(values) == 1 or any(not value.traces for value in values)
    by_range = negated or isinstance(leaf, rules.RANGES) or not with_constant
    yield from chosen_by(
        union(value.traces for value in values).values(), Choice.BY_RANGE if by_range else Choice.BY_VALUE
    )


def _of_presence(value: Value) -> Iterator[Hazard]:
    """Whether a value is there tells little, unless what was done to it makes one value, or a few, go away."""
    changed = [trace for trace in value.traces.values() if not is_plain(trace)]
    yield from chosen_by(changed, Choice.BY_VALUE)


def chosen_by(traces: Iterable[Trace], choice: Choice) -> Iterator[Hazard]:
    """Yield what it tells that rows are chosen by attributes."""
    for trace in traces:
        yield from _hazard(trace, choice)


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
    elif trace.nature is Nature.SENSITIVE or trace.form >= Form.SCORED or rules.ONE_VALUE in trace.to:
        # Of what was folded, a range is no range any more: it may lie close around one value.
        yield Hazard(trace, Choice.BY_VALUE if rules.FOLDING & words_of(trace) else choice, "compared")


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
