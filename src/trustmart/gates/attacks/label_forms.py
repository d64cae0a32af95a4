"""Which labels could stand for a raw value, in SQL: what somebody with a register would try, level by level.

Written apart from the encoding that makes marts: a fault there must not hide itself here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.errors import HierarchyFault
from trustmart.gates.attacks.published import NULL_SIGN, literal
from trustmart.policy import CalendarRule, HierarchyRule, RangesRule


def label_pairs(column: str, rule: Mapping[str, Any], fallback: str | None, values: str) -> str:
    """Return a query of (value, label): every label, on any level, that a raw value could stand behind; some twice.

    values: a relation with the distinct raw values in a column `value`. Raises HierarchyFault.
    """
    read = HierarchyRule.model_validate(rule)
    if not read.is_whole:
        raise HierarchyFault(f"{column}: the leaves of its hierarchy change with the data: declare them all")
    if read.calendar is not None:
        forms = _calendar(read.calendar, fallback)
    elif read.ranges is not None:
        forms = _ranges(read.ranges, fallback)
    else:
        return _categories(column, read, fallback, values)
    parts = [f"select value, {form} as label from {values} where value is not null" for form in dict.fromkeys(forms)]
    return " union all ".join([*parts, _everybody(values)])


def _everybody(values: str) -> str:
    """Return the pairs of `*` and of nulls."""
    nulls = f"select value, '{NULL_SIGN}' from {values} where value is null"
    return f"select value, '*' as label from {values} union all {nulls}"


def _calendar(rule: CalendarRule, fallback: str | None) -> list[str]:
    """Return the labels of a day, finest first."""
    day = "try_cast(value as date)"
    year = f"extract(year from {day})"
    forms = [
        f"strftime({day}, '%Y-%m-%d')",
        f"strftime({day}, '%Y-%m')",
        f"concat(cast({year} as varchar), '-Q', cast(extract(quarter from {day}) as varchar))",
        f"cast({year} as varchar)",
        *(_years(year, span) for span in (5, 10)),
    ]
    first, last = (f"date '{end.isoformat()}'" for end in (rule.first, rule.last) if end is not None)
    return _within(f"{day} between {first} and {last}", forms, fallback)


def _years(year: str, span: int) -> str:
    """Return the label of a span of years."""
    low = f"cast(floor({year} / {span}) * {span} as bigint)"
    return f"concat(cast({low} as varchar), '-', cast({low} + {span - 1} as varchar))"


def _ranges(rule: RangesRule, fallback: str | None) -> list[str]:
    """Return the labels of a number, finest first."""
    number = "try_cast(value as double)"
    whole = all(float(one).is_integer() for one in (rule.start, rule.end, *rule.widths))
    forms = [_interval(number, width, whole) for width in rule.widths]
    return _within(f"{number} >= {rule.start} and {number} < {rule.end}", forms, fallback)


def _interval(number: str, width: float, whole: bool) -> str:
    """Return the label of the interval that a number falls into."""
    low = f"floor({number} / {width!r}) * {width!r}"
    if not whole:
        return f"concat('[', printf('%.10g', {low}), ', ', printf('%.10g', {low} + {width!r}), ')')"
    if width == 1:
        return f"cast(cast({low} as bigint) as varchar)"
    low = f"cast({low} as bigint)"
    return f"concat(cast({low} as varchar), '-', cast({low} + {width - 1:.0f} as varchar))"


def _within(inside: str, forms: Sequence[str], fallback: str | None) -> list[str]:
    """Return the labels of values inside; outside, the fallback stands for them (or nothing does)."""
    other = "null" if fallback is None else literal(fallback)
    return [f"case when {inside} then {form} else {other} end" for form in forms]


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
