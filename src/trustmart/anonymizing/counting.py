"""The base of a fit: one statement that encodes every row and counts each combination of leaves and values."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from trustmart.anonymity.encoding import KeyLayout, lay_out
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.search import BaseTable, SensitiveColumn
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.words import leaf_expression, listed, quoted
from trustmart.errors import HierarchyFault, TableUnfit
from trustmart.warehouse import Session


@dataclass(frozen=True)
class Profile:
    """What a table has: records, and how many nulls there are in each column that matters."""

    records: int
    nulls: dict[str, int]


def profile(session: Session, table: TableFile, columns: Sequence[str]) -> Profile:
    """Count records and nulls; quick, as engines keep such counts."""
    counts = listed(f"count({quoted(column)})" for column in columns)
    ((records, *filled),) = session.rows(f"select count(*), {counts} from {table.relation}")
    return Profile(int(records), {c: int(records) - int(n) for c, n in zip(columns, filled, strict=True)})


def count_base(
    session: Session,
    table: TableFile,
    hierarchies: Sequence[Hierarchy],
    sensitive: Sequence[str],
    *,
    floor: Sequence[int],
    profiled: Profile,
) -> BaseTable:
    """Count a table; raises HierarchyFault where values are outside their hierarchies."""
    layout = lay_out(hierarchies, floor=floor, absent=[_absent(hierarchy, profiled) for hierarchy in hierarchies])
    with leaf_codes(session, layout), _value_codes(session, table, sensitive) as domains:
        counted = session.arrow(_statement(table, layout, sensitive))
    keys = [counted.column(f"key_{key}") for key in range(layout.key_count)]
    if (outside := sum(key.null_count for key in keys)) > 0:
        raise HierarchyFault(_say_outside(session, table, hierarchies, outside))
    counts = _numbers(counted.column("people"))
    values: dict[str, np.ndarray] = {}
    columns: dict[str, SensitiveColumn] = {}
    for name, domain in zip(sensitive, domains, strict=True):
        values[name] = _numbers(counted.column(f"value_{len(values)}"))
        people = np.bincount(values[name], weights=counts, minlength=len(domain))
        columns[name] = SensitiveColumn(tuple(domain), people / max(people.sum(), 1))
    return BaseTable(layout, tuple(_numbers(key) for key in keys), counts, values, columns, profiled.records)


@contextmanager
def leaf_codes(session: Session, layout: KeyLayout, labels: Sequence[int] | None = None) -> Iterator[None]:
    """Let statements join leaves with codes, as tables codes_0, codes_1 …; with the labels of a level where asked."""
    for column, hierarchy in enumerate(layout.hierarchies):
        known = len(hierarchy.keys)
        content = {"leaf": _leaves(hierarchy), "code": pa.array(layout.leaf_codes(column)[:known])}
        if labels is not None:
            content["label"] = pa.array(hierarchy.labels[labels[column]], pa.string()).take(
                pa.array(hierarchy.ancestors(labels[column])[:known])
            )
        session.register(f"codes_{column}", pa.table(content))
    yield
    for column in range(len(layout.hierarchies)):
        session.unregister(f"codes_{column}")


def code_expression(layout: KeyLayout, column: int) -> str:
    """Return a row's code of one column: null's own, the joined one, or the fallback's; null if there is none."""
    hierarchy = layout.hierarchies[column]
    codes, value = layout.leaf_codes(column), f"source.{quoted(hierarchy.name)}"
    outside = hierarchy.outside_leaf
    joined = f"codes_{column}.code"
    known = joined if outside is None else f"coalesce({joined}, {int(codes[outside])})"
    return f"case when {value} is null then cast({int(codes[hierarchy.null_leaf])} as bigint) else {known} end"


def key_expressions(layout: KeyLayout) -> list[str]:
    """Return a row's keys: the codes of their columns side by side."""
    codes = [code_expression(layout, column) for column in range(len(layout.hierarchies))]
    return [
        " | ".join(f"({code})" for code, place in zip(codes, layout.keys, strict=True) if place == key)
        for key in range(layout.key_count)
    ]


def code_joins(table: TableFile, layout: KeyLayout) -> str:
    """Return the joins of a table, as `source`, with the leaves' codes."""
    joins = []
    for column, hierarchy in enumerate(layout.hierarchies):
        value, kind = f"source.{quoted(hierarchy.name)}", table.columns[hierarchy.name]
        leaf = leaf_expression(hierarchy.matching, value, kind, hierarchy.interval)
        joins.append(f" left join codes_{column} on codes_{column}.leaf = {leaf}")
    return "".join(joins)


def _statement(table: TableFile, layout: KeyLayout, sensitive: Sequence[str]) -> str:
    """Return the one statement that encodes and counts."""
    keys = [f"{expression} as key_{key}" for key, expression in enumerate(key_expressions(layout))]
    values = [f"coalesce(values_{place}.code, 0) as value_{place}" for place in range(len(sensitive))]
    joins = "".join(
        f" left join values_{place} on values_{place}.value = source.{quoted(name)}"
        for place, name in enumerate(sensitive)
    )
    groups = [f"key_{key}" for key in range(layout.key_count)] + [f"value_{place}" for place in range(len(sensitive))]
    return (
        f"with encoded as (select {listed(keys + values)} from {table.relation} as source"
        f"{code_joins(table, layout)}{joins})"
        f" select {listed(groups)}, count(*) as people from encoded group by {listed(groups)}"
    )


@contextmanager
def _value_codes(session: Session, table: TableFile, sensitive: Sequence[str]) -> Iterator[list[list[object]]]:
    """Let statements join sensitive values with numbers, as values_0, values_1 …; null, if it occurs, is number 0."""
    domains = []
    for place, name in enumerate(sensitive):
        column = quoted(name)
        found = session.arrow(f"select distinct {column} as value from {table.relation}")
        known = found.filter(pa.compute.is_valid(found.column("value"))).sort_by("value")
        first = 1 if len(known) < len(found) else 0
        codes = pa.array(np.arange(first, first + len(known), dtype=np.int64))
        session.register(f"values_{place}", known.append_column("code", codes))
        domains.append([None] * first + known.column("value").to_pylist())
    yield domains
    for place in range(len(sensitive)):
        session.unregister(f"values_{place}")


def _absent(hierarchy: Hierarchy, profiled: Profile) -> Collection[int]:
    """Return the leaf of nulls where the column has none: every bit of a key counts."""
    return () if profiled.nulls[hierarchy.name] else (hierarchy.null_leaf,)


def _leaves(hierarchy: Hierarchy) -> pa.Array:
    """Return the leaf keys as the engine compares them."""
    kinds = {"day": pa.date32(), "interval": pa.int64(), "text": pa.string()}
    return pa.array(hierarchy.keys, kinds[hierarchy.matching])


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column of whole numbers as an array."""
    return np.ascontiguousarray(column.to_numpy(), dtype=np.int64)


def _say_outside(session: Session, table: TableFile, hierarchies: Sequence[Hierarchy], outside: int) -> str:
    """Return how many values of which columns are outside; no value is named."""
    found = []
    for column, hierarchy in enumerate(hierarchies):
        layout = lay_out([hierarchy])
        with leaf_codes(session, layout):
            expression = code_expression(layout, 0)
            where = f"from {table.relation} as source{code_joins(table, layout)} where ({expression}) is null"
            count = session.value(f"select count(*) {where}")
        if count:
            found.append(f"{hierarchies[column].name}: {count:,} values are outside its hierarchy")
    said = "; ".join(found) or f"{outside} combinations are outside the hierarchies"
    return f"{said}. Add them to it, or declare where they go (fallback: other)"


def check_enough(profiled: Profile, k: int, name: str) -> None:
    """Raise TableUnfit where there is nobody, or fewer people than a class must have."""
    if profiled.records == 0:
        raise TableUnfit(f"{name} has no rows: there is nobody to anonymize")
    if profiled.records < k:
        raise TableUnfit(
            f"{name} has {profiled.records:,} rows, a class must have {k:,}: not even one class of everybody is enough"
        )
