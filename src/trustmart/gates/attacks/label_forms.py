"""Which labels could stand for a raw value, in SQL: what somebody with a register would try, level by level.

Written apart from the encoding that makes marts: a fault there must not hide itself here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.errors import HierarchyFault
from trustmart.gates.attacks.published import NULL_SIGN, literal
from trustmart.gates.measures_sql import Reader, quoted
from trustmart.policy import CalendarRule, HierarchyRule, RangesRule


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A level's label of a raw value, in SQL.

    label: its text. grain: what it is made of; values of one grain have one label. shape: whether a published `label`
    may be of this level.
    """

    label: str
    grain: str
    shape: str


def label_pairs(column: str, rule: Mapping[str, Any], fallback: str | None, values: str) -> str:
    """Return a query of (value, label): every label, on any level, that a raw value could stand behind; some twice.

    values: a relation with the distinct raw values in a column `value`. Raises HierarchyFault.
    """
    read = _whole(column, rule)
    if (levels := _levels(read, "value")) is None:
        return _categories(column, read, fallback, values)
    inside, forms = levels
    other = "null" if fallback is None else literal(fallback)
    labels = [f"case when {inside} then {form.label} else {other} end" for form in forms]
    parts = [f"select value, {label} as label from {values} where value is not null" for label in dict.fromkeys(labels)]
    return " union all ".join([*parts, _everybody(values)])


def grains_of(reader: Reader, column: str, rule: Mapping[str, Any], labels: str) -> list[str]:
    """Return expressions of a column: raw values that are alike in them fit the same published labels.

    labels: a relation of the published labels, in a column `label`. Raises HierarchyFault.
    """
    value = quoted(column)
    if (levels := _levels(_whole(column, rule), value)) is None:
        return [value]
    inside, forms = levels
    shapes = ", ".join(f"max(case when {form.shape} then 1 else 0 end)" for form in forms)
    (published,) = reader.rows(f"select {shapes} from {labels} as published")
    # The finest is enough: a level's labels are put together from those of any finer one.
    finest = next((form.grain for form, is_shown in zip(forms, published, strict=True) if is_shown), "0")
    return [f"{value} is null", f"case when {inside} then {finest} end"]


def _whole(column: str, rule: Mapping[str, Any]) -> HierarchyRule:
    """Read a rule; raises HierarchyFault where its labels change with the data."""
    read = HierarchyRule.model_validate(rule)
    if not read.is_whole:
        raise HierarchyFault(f"{column}: the leaves of its hierarchy change with the data: declare them all")
    return read


def _levels(rule: HierarchyRule, value: str) -> tuple[str, list[_Form]] | None:
    """Return the condition that a value has labels of its own, and these, finest first; None of written-out leaves."""
    if rule.calendar is not None:
        return _calendar(rule.calendar, value)
    return None if rule.ranges is None else _ranges(rule.ranges, value)


def _everybody(values: str) -> str:
    """Return the pairs of `*` and of nulls."""
    nulls = f"select value, '{NULL_SIGN}' from {values} where value is null"
    return f"select value, '*' as label from {values} union all {nulls}"


def _calendar(rule: CalendarRule, value: str) -> tuple[str, list[_Form]]:
    """Return a day's levels."""
    day = f"try_cast({value} as date)"
    year, quarter = f"extract(year from {day})", f"extract(quarter from {day})"
    quarters = f"concat(cast({year} as varchar), '-Q', cast({quarter} as varchar))"
    forms = [
        _form(f"strftime({day}, '%Y-%m-%d')", day, "[0-9]+-[0-9]{2}-[0-9]{2}"),
        _form(f"strftime({day}, '%Y-%m')", f"date_trunc('month', {day})", "[0-9]+-[0-9]{2}"),
        _form(quarters, f"date_trunc('quarter', {day})", "[0-9]+-Q[1-4]"),
        _form(f"cast({year} as varchar)", year, "[0-9]+"),
        *(_form(_years(year, span), f"floor({year} / {span})", "[0-9]+-[0-9]{3,}") for span in (5, 10)),
    ]
    first, last = (f"date '{end.isoformat()}'" for end in (rule.first, rule.last) if end is not None)
    return f"{day} between {first} and {last}", forms


def _form(label: str, grain: str, pattern: str) -> _Form:
    """Return a level whose labels look like a pattern."""
    return _Form(label=label, grain=grain, shape=f"regexp_matches(label, '^{pattern}$')")


def _years(year: str, span: int) -> str:
    """Return the label of a span of years."""
    low = f"cast(floor({year} / {span}) * {span} as bigint)"
    return f"concat(cast({low} as varchar), '-', cast({low} + {span - 1} as varchar))"


def _ranges(rule: RangesRule, value: str) -> tuple[str, list[_Form]]:
    """Return a number's levels."""
    number = f"try_cast({value} as double)"
    whole = all(float(one).is_integer() for one in (rule.start, rule.end, *rule.widths))
    forms = [
        _Form(
            label=_interval(number, width, whole),
            grain=f"floor({number} / {width!r})",
            shape=_is_as_wide(width) if whole else "true",
        )
        for width in rule.widths
    ]
    return f"{number} >= {rule.start} and {number} < {rule.end}", forms


def _is_as_wide(width: float) -> str:
    """Return the condition that a label is an interval of so many whole numbers."""
    if width == 1:
        return "regexp_matches(label, '^-?[0-9]+$')"
    low, high = (f"try_cast(regexp_extract(label, '^(-?[0-9]+)-(-?[0-9]+)$', {part}) as bigint)" for part in (1, 2))
    return f"{high} - {low} = {width - 1:.0f}"


def _interval(number: str, width: float, whole: bool) -> str:
    """Return the label of the interval that a number falls into."""
    low = f"floor({number} / {width!r}) * {width!r}"
    if not whole:
        return f"concat('[', printf('%.10g', {low}), ', ', printf('%.10g', {low} + {width!r}), ')')"
    if width == 1:
        return f"cast(cast({low} as bigint) as varchar)"
    low = f"cast({low} as bigint)"
    return f"concat(cast({low} as varchar), '-', cast({low} + {width - 1:.0f} as varchar))"


def _categories(column: str, rule: HierarchyRule, fallback: str | None, values: str) -> str:
    """Return the pairs of a hierarchy whose leaves are written out."""
    tree = declared_hierarchy(column, rule, fallback=fallback)
    pairs = {
        (str(key), tree.labels[level][int(tree.ancestors(level)[leaf])])
        for leaf, key in enumerate(tree.keys)
        for level in range(tree.levels - 1)
    }
    rows = ", ".join(f"({literal(key)}, {literal(label)})" for key, label in sorted(pairs, key=str))
    found = (
        f"select v.value, known.label from {values} as v"
        f" join (select * from (values {rows}) as pairs(leaf, label)) as known on known.leaf = cast(v.value as varchar)"
    )
    if fallback is not None:
        leaves = ", ".join(literal(str(key)) for key in tree.keys)
        found += (
            f" union all select value, {literal(fallback)} from {values}"
            f" where value is not null and cast(value as varchar) not in ({leaves})"
        )
    return f"{found} union all {_everybody(values)}"
