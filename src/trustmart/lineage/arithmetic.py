"""What computing leaves of attributes: whether everybody adds a little to a sum of it, and whether a date is one."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.forms import Form, Nature, Value, combined, words_of
from trustmart.lineage.scopes import Scope

NO_VALUES = (
    exp.Identifier,
    exp.DataType,
    exp.Var,
    exp.WindowSpec,
    exp.Null,
    exp.Literal,
    exp.Boolean,
    exp.Placeholder,
)


def operands(node: exp.Expression, scope: Scope) -> Iterator[Value]:
    """Evaluate what an expression is made of."""
    for child in node.iter_expressions():
        if not isinstance(child, NO_VALUES):
            yield scope.evaluate(child, scope)


def computed(values: Iterable[Value], word: str) -> Value:
    """Return what any function makes of values: most of them can leave people out, or let one outweigh all others."""
    values = list(values)
    steady = word in rules.STEADY and not any(value.is_part for value in values)
    return replace(combined(values, word), is_part=not steady and any(_speaks(value) for value in values))


def moved(node: exp.Expression, scope: Scope) -> Value:
    """Return a sum or difference; a date that is moved by a constant is as much of a date as before."""
    values = list(operands(node, scope))
    told = [value for value in values if value.traces]
    is_moved = len(told) == 1 and all(value.is_moved or value.form is Form.IDENTITY for value in told)
    return replace(computed(values, node.key), is_moved=is_moved)


def multiplied(node: exp.Mul, scope: Scope) -> Value:
    """A value times yes or no leaves people out, as a CASE would; times itself, one person outweighs all others."""
    values = [value for value in operands(node, scope) if _speaks(value)]
    return replace(computed(operands(node, scope), "times"), is_part=_is_uneven(values) or _any_part(values))


def divided(node: exp.Expression, scope: Scope) -> Value:
    """What is divided by nothing goes away."""
    value = computed(operands(node, scope), node.key)
    return replace(value, is_part=value.is_part or _speaks(scope.evaluate(node.expression, scope)))


def clipped(node: exp.Expression, scope: Scope) -> Value:
    """LEAST and GREATEST clip a value; on the far side of zero, they leave all but a few at one and the same number."""
    values = list(operands(node, scope))
    bounds = [bound for child in node.iter_expressions() if (bound := _number(child)) is not None]
    is_near = len(bounds) == 1 and (bounds[0] >= 0 if isinstance(node, exp.Least) else bounds[0] <= 0)
    is_even = is_near and all(_is_as_it_stands(value) for value in values) and not _any_part(values)
    return replace(combined(values, node.key), is_part=not is_even and any(_speaks(value) for value in values))


def nulled(node: exp.Nullif, scope: Scope) -> Value:
    """NULLIF takes one value away; that of empty text says nothing."""
    value = scope.evaluate(node.this, scope)
    if isinstance(node.expression, exp.Literal) and node.expression.this == "":
        return Value(traces=value.traces, is_part=value.is_part)
    values = [value, scope.evaluate(node.expression, scope)]
    return replace(combined(values, "nullif"), is_part=any(_speaks(one) for one in values))


def _speaks(value: Value) -> bool:
    """True for a value that comes from an attribute of people."""
    return any(trace.nature is not Nature.INSENSITIVE for trace in value.traces.values())


def _any_part(values: Iterable[Value]) -> bool:
    """True where a value leaves people out already."""
    return any(value.is_part for value in values)


def _is_uneven(values: list[Value]) -> bool:
    """True for a product of a value and a truth, or of two values of one attribute."""
    attributes = [name for value in values for name in value.traces]
    truths = [value.is_truth for value in values]
    return (any(truths) and not all(truths)) or (not all(truths) and len(attributes) != len(set(attributes)))


def _number(node: exp.Expression) -> float | None:
    """Return a number that is written out."""
    sign = -1 if isinstance(node, exp.Neg) else 1
    bare = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(bare, exp.Literal) or bare.is_string:
        return None
    return sign * float(bare.this)


def _is_as_it_stands(value: Value) -> bool:
    """True for a value that was clipped at most: a difference may lie on either side of any bound."""
    return all(words_of(trace) <= {"least", "greatest"} for trace in value.traces.values())
