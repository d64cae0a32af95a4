"""What aggregates and windows leave of attributes: counted, pooled over a class, or picked out of it."""

from dataclasses import replace

from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.forms import Form, Nature, Step, Trace, Traces, Value, combined, next_uid, union
from trustmart.lineage.relations import Columns, Rows, Undetermined
from trustmart.lineage.scopes import Scope

_WRAPPERS = (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)


def aggregate(node: exp.Expression, name: str, scope: Scope, group: int | None = None) -> Value:
    """Return the type of an aggregate; group: the class it runs over (that of the query's rows unless given)."""
    over = group if group is not None else scope.group
    if over is None:
        raise Undetermined(f"{name or node.key} stands where rows are not grouped")
    if isinstance(node, exp.Filter):
        return _filtered(node, scope, over)
    if isinstance(node, exp.WithinGroup):
        return combined((scope.evaluate(ordered.this, scope) for ordered in node.expression.expressions), "picked")
    if isinstance(node, exp.IgnoreNulls | exp.RespectNulls):
        return aggregate(node.this, function_name(node.this), scope, over)
    if name in rules.COUNTING:
        return _counted(node, scope, over)
    if name in rules.POOLING:
        return pooled(combined_arguments(node, scope), over)
    return _picked(combined_arguments(node, scope).derived(name), name, scope.keys.get(over))


def _picked(value: Value, name: str, keys: Columns | None) -> Value:
    """A label that is picked out of a class is one person's, unless the class is one person, or has but one such."""
    grouped = union(key.traces for _, key in keys or ())
    if any(trace.nature.names_a_person and trace.form >= Form.DERIVED for trace in grouped.values()):
        return value

    def pick(trace: Trace) -> Trace:
        is_theirs = trace.form is not Form.GENERALIZED or (
            trace.attribute in grouped and grouped[trace.attribute].to == trace.to
        )
        return trace if is_theirs else trace.turned(Form.DERIVED, name)

    return value.mapped(pick)


def function_name(node: exp.Expression) -> str:
    """Return a function's name as the rules have it."""
    return node.name.lower() if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc) else node.key


def combined_arguments(node: exp.Expression, scope: Scope) -> Value:
    """Return what goes into an aggregate."""
    skipped = (exp.Literal, exp.Var, exp.DataType, exp.Identifier, exp.Null, exp.Boolean)
    values = [scope.evaluate(child, scope) for child in node.iter_expressions() if not isinstance(child, skipped)]
    return Value(traces=union(value.traces for value in values), is_part=any(value.is_part for value in values))


def _filtered(node: exp.Filter, scope: Scope, over: int) -> Value:
    """FILTER leaves rows out: a count of the rest is a count, a sum of it is a sum over an unknown few."""
    name = function_name(node.this)
    condition = scope.evaluate(exp.If(this=node.expression.this.copy(), true=exp.Literal.number(1)), scope)
    value = aggregate(node.this, name, scope, over)
    if name in rules.COUNTING:
        told = {key: _pooled(trace, over) for key, trace in condition.traces.items()}
        return replace(value, traces=union((value.traces, told)))
    if name in rules.POOLING:
        return pooled(replace(value.with_traces(condition.traces), is_part=True), over)
    return value.with_traces(condition.traces)


def _counted(node: exp.Expression, scope: Scope, over: int) -> Value:
    """A count tells how many there are, and of people, how large the class is."""
    argument = node.this
    everybody = argument is None or isinstance(argument, exp.Star)
    value = Value() if everybody else combined_arguments(node, scope)
    traces = {name: _number(trace, over) for name, trace in value.traces.items()}
    return Value(traces=traces, people_of=frozenset({over}) if _counts_people(node, everybody, scope) else frozenset())


def _counts_people(node: exp.Expression, everybody: bool, scope: Scope) -> bool:
    """True for count(distinct <person>), and for count(*) where each row is another person."""
    if function_name(node) != "count" or scope.is_mixed:
        return False
    if everybody:
        return scope.unit
    argument = node.this
    is_distinct = isinstance(argument, exp.Distinct)
    if is_distinct and len(argument.expressions) != 1:
        return False
    counted = scope.evaluate(argument.expressions[0] if is_distinct else argument, scope)
    return counted.is_key and (is_distinct or scope.unit)


def _number(trace: Trace, over: int) -> Trace:
    """A name that is counted is a number; all else that is counted is a figure about the class."""
    if trace.form is Form.MEMBERSHIP or trace.form <= Form.COUNTED:
        return trace
    if trace.nature.names_a_person and trace.nature is not Nature.UNKNOWN:
        return trace.turned(Form.COUNTED, "counted")
    return _pooled(trace, over)


def pooled(value: Value, over: int) -> Value:
    """Return a sum or mean over a class; over an unknown part of it, it is over a class that nobody has counted."""
    group = next_uid() if value.is_part else over
    word = "over a part of the class" if value.is_part else ""
    return Value(traces={name: _pooled(trace, group, word) for name, trace in value.traces.items()})


def _pooled(trace: Trace, over: int, word: str = "") -> Trace:
    """Everybody in the class adds a little. A name does not become harmless by being added up."""
    if trace.form <= Form.COUNTED or trace.form is Form.MEMBERSHIP:
        return trace
    if trace.nature.names_a_person:
        return trace.derived("pooled")
    return replace(trace.turned(Form.AGGREGATED, word), classes=frozenset({over}))


def window(node: exp.Window, scope: Scope) -> Value:
    """Return the type of a window function."""
    function: exp.Expression = node.this
    while isinstance(function, _WRAPPERS):
        function = function.this
    name = function_name(function)
    partition: Columns = tuple(("", scope.evaluate(one, scope)) for one in node.args.get("partition_by") or ())
    order = node.args.get("order")
    ordering = [scope.evaluate(ordered.this, scope) for ordered in order.expressions] if order else []
    if name in rules.NUMBERING:
        return _numbered(name, partition, ordering, scope)
    if name in rules.NEIGHBOURS:
        value = _picked(combined_arguments(function, scope).derived(name), name, partition)
        return value.with_traces(combined(ordering, "ordered by").traces)
    if name not in rules.AGGREGATES:
        scope.notes.add(f"{name}() over a window is unknown: it passes on the most dangerous type of what goes into it")
        return combined([combined_arguments(function, scope), *ordering], name)
    moves = order is not None or node.args.get("spec") is not None
    over = next_uid() if moves else scope.window(partition)
    return aggregate(node.this, name, scope, over)


def _numbered(name: str, partition: Columns, ordering: list[Value], scope: Scope) -> Value:
    """A number among rows tells of their order; where rows are people, it is a name for one of them."""
    by_person = name == "rownumber" and len(partition) == 1 and partition[0][1].is_key
    within_one = any(trace.nature.names_a_person for _, value in partition for trace in value.traces.values())
    parts: list[Traces] = [combined([*ordering, *(value for _, value in partition)], name).traces]
    ranks_by = {} if within_one else combined(ordering, name).traces
    if scope.rows is Rows.PEOPLE and scope.group is None:
        place = f"{scope.place}: the number of a row"
        parts.append(
            {"row number": Trace("row number", Nature.DIRECT_IDENTIFIER, Form.DERIVED, Step(place), done=(name,))}
        )
    return Value(traces=union(parts), is_number_of_person=by_person, ranks_by=ranks_by)
