"""What an expression leaves of the attributes that go into it: one short rule per construct."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.aggregates import aggregate, window
from trustmart.lineage.arithmetic import NO_VALUES, clipped, computed, divided, moved, multiplied, nulled, operands
from trustmart.lineage.forms import (
    CONSTANT,
    Form,
    Nature,
    Trace,
    Traces,
    Value,
    combined,
    either,
    is_plain,
    same_key,
    union,
)
from trustmart.lineage.relations import Rows, Undetermined
from trustmart.lineage.scopes import Scope, unknown


def evaluate(node: exp.Expression, scope: Scope) -> Value:
    """Return the privacy type of an expression; raises Undetermined."""
    for kind in type(node).__mro__:
        rule = _RULES.get(kind)
        if rule is not None:
            return rule(node, scope)
    return computed(operands(node, scope), node.key)


def _nothing(node: exp.Expression, scope: Scope) -> Value:
    """A literal says nothing about anybody."""
    return CONSTANT


def _column(node: exp.Column, scope: Scope) -> Value:
    """A column is what its source says; t.* inside an expression is all of t's."""
    if isinstance(node.this, exp.Star):
        return _star(node, scope)
    return scope.column(node)


def _star(node: exp.Expression, scope: Scope) -> Value:
    """Everything at once."""
    chosen = node.table.lower() if isinstance(node, exp.Column) else ""
    sources = [source for alias, source in scope.sources.items() if chosen in ("", alias)]
    if not sources or any(source.is_open for source in sources):
        raise Undetermined("a star takes columns that nobody knows")
    return combined((value for source in sources for _, value in source.columns), "record")


def _variable(node: exp.Identifier, scope: Scope) -> Value:
    """A bare name inside a lambda is its parameter, or a column."""
    return scope.column(exp.column(node.copy()))


def _inner(node: exp.Expression, scope: Scope) -> Value:
    """Brackets, names and casts leave a value what it was."""
    return evaluate(node.this, scope)


def _cast(node: exp.Cast, scope: Scope) -> Value:
    """A cast leaves a value what it was; to an enumeration, it is a comparison with what that lists."""
    value = evaluate(node.this, scope)
    return value.derived("enum") if node.to.is_type("enum") else value


def _transparent(node: exp.Expression, scope: Scope) -> Value:
    """Functions that leave a value what it was, though not its name."""
    values = list(operands(node, scope))
    if not values:
        return CONSTANT
    if len(values) == 1 and isinstance(node, exp.Distinct | exp.IgnoreNulls | exp.RespectNulls):
        return values[0]
    return Value(traces=union(value.traces for value in values), is_part=any(value.is_part for value in values))


def _coalesce(node: exp.Expression, scope: Scope) -> Value:
    """One of several values."""
    return either(list(operands(node, scope)))


def _function(node: exp.Func, scope: Scope) -> Value:
    """Any function, by its name in the rules; lambdas see the other arguments."""
    name = node.name.lower() if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else node.key
    if name in rules.AGGREGATES:
        return aggregate(node, name, scope)
    if name in rules.TRANSPARENT:
        return _transparent(node, scope)
    plain = [child for child in node.iter_expressions() if not isinstance(child, (exp.Lambda, *NO_VALUES))]
    values = [evaluate(child, scope) for child in plain]
    lambdas = [child for child in node.iter_expressions() if isinstance(child, exp.Lambda)]
    values += [_lambda(child, either(values or [CONSTANT]), scope) for child in lambdas]
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) and name not in rules.DISGUISES:
        if not any(value.traces for value in values) and name not in rules.HARMLESS:
            return unknown(f"{name}()", scope.place)
        scope.notes.add(f"{name}() is unknown: it passes on the most dangerous type of what goes into it")
    if name in rules.DISGUISES:
        return disguised(values, rules.DISGUISES[name])
    return computed(values, name)


def _lambda(node: exp.Lambda, given: Value, scope: Scope) -> Value:
    """A lambda's parameters are what the function is given."""
    names = {parameter.name.lower(): given for parameter in node.expressions}
    before = dict(scope.variables)
    scope.variables.update(names)
    try:
        return evaluate(node.this, scope)
    finally:
        scope.variables.clear()
        scope.variables.update(before)


def disguised(values: Iterable[Value], word: str) -> Value:
    """A hash, token, mask or part of an attribute is the attribute in disguise."""

    def hide(trace: Trace) -> Trace:
        return trace.turned(Form.DISGUISED, word) if Form.DERIVED <= trace.form <= Form.IDENTITY else trace

    return Value(traces=union(value.mapped(hide).traces for value in values))


def _case(node: exp.Case, scope: Scope) -> Value:
    """A value chosen by conditions tells of the conditions too."""
    base = node.this
    told: list[Traces] = []
    branches: list[exp.Expression | None] = []
    for branch in node.args["ifs"]:
        told.append(_condition(branch.this, scope) if base is None else _compared((base, branch.this), scope))
        branches.append(branch.args.get("true"))
    branches.append(node.args.get("default"))
    return _chosen(branches, told, scope)


def _if(node: exp.If, scope: Scope) -> Value:
    """IF is a CASE of one condition."""
    branches = [node.args.get("true"), node.args.get("false")]
    return _chosen(branches, [_condition(node.this, scope)], scope)


def _chosen(branches: list[exp.Expression | None], told: list[Traces], scope: Scope) -> Value:
    """Put branches and conditions together; whom a condition gives another number is left out of a sum."""
    values = [(branch, CONSTANT if branch is None else evaluate(branch, scope)) for branch in branches]
    spoken = [value for branch, value in values if not _says_nothing(branch)]
    chooses = any(trace.nature is not Nature.INSENSITIVE for traces in told for trace in traces.values())
    leaves_out = chooses or len(spoken) < len(values) or any(value.is_part for value in spoken)
    return Value(
        traces=union([*told, *(value.traces for _, value in values)]),
        is_key=same_key(spoken),
        is_part=leaves_out and any(value.traces for value in spoken),
        is_truth=not any(value.traces for value in spoken),
    )


def _says_nothing(branch: exp.Expression | None) -> bool:
    """True for null and zero."""
    return (
        branch is None
        or isinstance(branch, exp.Null)
        or (isinstance(branch, exp.Literal) and branch.this in ("0", "0.0"))
    )


def _condition(node: exp.Expression, scope: Scope) -> Traces:
    """Return what a condition tells of the attributes in it."""
    if isinstance(node, rules.COMPARISONS):
        return _truth(node, scope).traces
    return _told([evaluate(node, scope)])


def _compared(nodes: Iterable[exp.Expression], scope: Scope, to: str = rules.ONE_VALUE) -> Traces:
    """Return what it tells that two expressions are equal; that two keys name the same person tells nothing."""
    values = [evaluate(node, scope) for node in nodes]
    return {} if len(values) > 1 and all(value.is_key for value in values) else _told(values, to)


def _told(values: Iterable[Value], to: str = rules.CASES) -> Traces:
    """An answer of yes or no is a coarse label, but of an identifier it says whether somebody is there."""

    def tell(trace: Trace) -> Trace:
        if trace.nature.names_a_person:
            return trace if trace.form <= Form.COUNTED else trace.turned(Form.MEMBERSHIP, "asked for")
        return trace.generalized(to if trace.form >= Form.SCORED else rules.CASES)

    return union(value.mapped(tell).traces for value in values)


def _truth(node: exp.Expression, scope: Scope) -> Value:
    """A comparison, as a value."""
    if isinstance(node, exp.And | exp.Or | exp.Not):
        parts = [node.this] if isinstance(node, exp.Not) else list(node.flatten())
        return Value(traces=union(_condition(part, scope) for part in parts), is_truth=True)
    if isinstance(node, exp.Exists):
        inner = scope.inner()
        scope.take_in(scope.query(node.this, inner))
        return Value(traces=_told(value for value in inner.outer if not value.is_key), is_truth=True)
    if isinstance(node, exp.Is):
        return Value(traces=_presence(evaluate(node.this, scope), node), is_truth=True)
    to = rules.CASES if isinstance(node, (*rules.RANGES, exp.Between)) else rules.ONE_VALUE
    return Value(traces=_compared(_operands(node), scope, to), is_truth=True)


def _presence(value: Value, node: exp.Is) -> Traces:
    """Whether a value is there at all says nothing of an identifier, and little of anything else."""
    if not isinstance(node.expression, exp.Null):
        return _told([value])
    kept = {
        name: trace
        for name, trace in value.traces.items()
        if not trace.nature.names_a_person or "looked up" in trace.done or not is_plain(trace)
    }
    return _told([replace(value, traces=kept)])


def _operands(node: exp.Expression) -> Iterator[exp.Expression]:
    """Yield what a comparison compares; a subquery counts as one value."""
    for child in node.iter_expressions():
        if not isinstance(child, NO_VALUES):
            yield child


def _subquery(node: exp.Expression, scope: Scope) -> Value:
    """A query that yields a value."""
    inner = scope.inner()
    relation = scope.query(node, inner)
    scope.take_in(relation)
    return Value(
        traces=union(value.traces for _, value in relation.columns),
        # Another person's name may be looked up, so what is counted by it may be other people.
        is_key=_is_key(relation.columns) and isinstance(node.parent, rules.COMPARISONS),
        is_part=relation.rows is Rows.PEOPLE,
    )


def _is_key(columns: tuple[tuple[str, Value], ...]) -> bool:
    """True where the only column is a person's own name."""
    return len(columns) == 1 and columns[0][1].is_key


def _calendar(unit: str, coarse: Iterable[str], node: exp.Expression, scope: Scope) -> Value:
    """A part of a date is coarser than the date if it is coarse by itself."""
    value = evaluate(node, scope)
    is_date = value.is_moved or value.form is not Form.DERIVED  # a date that is computed may hold anything
    is_coarse = unit in coarse and is_date
    return value.mapped(lambda trace: trace.generalized(unit)) if is_coarse else computed([value], unit)


def _truncated(node: exp.Expression, scope: Scope) -> Value:
    """date_trunc('month', x)."""
    unit = node.args.get("unit")
    return _calendar(unit.name.lower() if unit is not None else "", rules.COARSE_CALENDAR, node.this, scope)


def _extracted(node: exp.Extract, scope: Scope) -> Value:
    """extract(year from x)."""
    return _calendar(node.name.lower(), rules.COARSE_PARTS, node.expression, scope)


def _year(node: exp.Year, scope: Scope) -> Value:
    """year(x)."""
    return _calendar("year", rules.COARSE_PARTS, node.this, scope)


def _refused(node: exp.Expression, scope: Scope) -> Value:
    """What cannot be followed."""
    raise Undetermined(f"{node.key} cannot be followed")


def _field(node: exp.Expression, scope: Scope) -> Value:
    """A field of a record that is being made: its name is no column."""
    return evaluate(node.expression, scope)


def _dot(node: exp.Dot, scope: Scope) -> Value:
    """A field of a record is as dangerous as the record; a function with a schema before its name is a function."""
    if isinstance(node.expression, exp.Func):
        return evaluate(node.expression, scope)
    return evaluate(node.this, scope).derived("field")


_RULES: dict[type, Callable[..., Value]] = {
    **dict.fromkeys((exp.Literal, exp.Null, exp.Boolean, exp.Var, exp.DataType), _nothing),
    **dict.fromkeys((exp.Paren, exp.Alias, exp.Ordered), _inner),
    **dict.fromkeys((exp.Cast, exp.TryCast), _cast),
    **dict.fromkeys((exp.Columns, exp.Parameter, exp.SessionParameter, exp.Command), _refused),
    **dict.fromkeys((exp.Subquery, exp.Select, exp.SetOperation), _subquery),
    **dict.fromkeys(rules.TRUNCATING, _truncated),
    **dict.fromkeys(rules.COMPARISONS, _truth),
    **dict.fromkeys((exp.PropertyEQ, exp.Kwarg), _field),
    exp.Column: _column,
    exp.Star: _star,
    exp.Identifier: _variable,
    exp.Case: _case,
    exp.If: _if,
    exp.Coalesce: _coalesce,
    exp.Mul: multiplied,
    **dict.fromkeys((exp.Div, exp.IntDiv), divided),
    **dict.fromkeys((exp.Add, exp.Sub, exp.AtTimeZone, exp.DateAdd, exp.DateSub), moved),
    **dict.fromkeys((exp.Least, exp.Greatest), clipped),
    exp.Nullif: nulled,
    exp.Extract: _extracted,
    exp.Year: _year,
    exp.Dot: _dot,
    exp.Filter: lambda node, scope: aggregate(node, "", scope),
    exp.WithinGroup: lambda node, scope: aggregate(node, "withingroup", scope),
    exp.Window: window,
    exp.DPipe: lambda node, scope: disguised(operands(node, scope), "concatenation"),
    exp.Func: _function,
    exp.Distinct: _transparent,
    exp.Order: _transparent,
    exp.IgnoreNulls: _transparent,
    exp.RespectNulls: _transparent,
}
