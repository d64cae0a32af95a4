"""The base of a fit: one statement that encodes every row and counts each combination of leaves and values."""

import functools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from trustmart.anonymity.encoding import lay_out
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.search import BaseTable, SensitiveColumn
from trustmart.anonymizing.encoding_sql import Encoding, Profile
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.words import listed, quoted
from trustmart.errors import HierarchyFault, TableUnfit
from trustmart.warehouse import Session


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
    encoding = Encoding(table, layout, profiled)
    with encoding.codes(session), _value_codes(session, table, sensitive) as domains:
        counted = session.arrow(_statement(encoding, sensitive))
    keys = [counted.column(f"key_{key}") for key in range(layout.key_count)]
    inside = functools.reduce(pa.compute.and_, [key.is_valid() for key in keys])
    outside = profiled.records - (pa.compute.sum(counted.filter(inside).column("people")).as_py() or 0)
    if outside > 0:
        raise HierarchyFault(_say_outside(session, table, hierarchies, profiled, outside))
    counts = _numbers(counted.column("people"))
    values: dict[str, np.ndarray] = {}
    columns: dict[str, SensitiveColumn] = {}
    for name, domain in zip(sensitive, domains, strict=True):
        values[name] = _numbers(counted.column(f"value_{len(values)}"))
        people = np.bincount(values[name], weights=counts, minlength=len(domain))
        columns[name] = SensitiveColumn(tuple(domain), people / max(people.sum(), 1))
    return BaseTable(layout, tuple(_numbers(key) for key in keys), counts, values, columns, profiled.records)


def _statement(encoding: Encoding, sensitive: Sequence[str]) -> str:
    """Return the one statement that encodes and counts."""
    keys = [f"{expression} as {key}" for expression, key in zip(encoding.keys(), encoding.key_names, strict=True)]
    values = [f"coalesce(values_{place}.code, 0) as value_{place}" for place in range(len(sensitive))]
    joins = "".join(
        f" left join values_{place} on values_{place}.value = source.{quoted(name)}"
        for place, name in enumerate(sensitive)
    )
    groups = listed([*encoding.key_names, *(f"value_{place}" for place in range(len(sensitive)))])
    return (
        f"with encoded as (select {listed(keys + values)} from {encoding.joined()}{joins})"
        f" select {groups}, count(*) as people from encoded group by {groups}"
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


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column of whole numbers as an array."""
    return np.ascontiguousarray(column.to_numpy(), dtype=np.int64)


def _absent(hierarchy: Hierarchy, profiled: Profile) -> Collection[int]:
    """Return the leaf of nulls where the column has none: every bit of a key counts."""
    return () if profiled.nulls[hierarchy.name] else (hierarchy.null_leaf,)


def _say_outside(
    session: Session, table: TableFile, hierarchies: Sequence[Hierarchy], profiled: Profile, outside: int
) -> str:
    """Return how many values of which columns are outside; no value is named."""
    found = []
    for hierarchy in hierarchies:
        encoding = Encoding(table, lay_out([hierarchy]), profiled)
        with encoding.codes(session):
            inside = session.value(f"select count(*) from {encoding.joined()} where ({encoding.keys()[0]}) is not null")
        if count := profiled.records - int(inside):
            found.append(f"{hierarchy.name}: {count:,} values are outside its hierarchy")
    said = "; ".join(found) or f"{outside} records are outside the hierarchies"
    return f"{said}. Add them to it, or declare where they go (fallback: other)"


def check_enough(profiled: Profile, k: int, name: str) -> None:
    """Raise TableUnfit where there is nobody, or fewer people than a class must have."""
    if profiled.records == 0:
        raise TableUnfit(f"{name} has no rows: there is nobody to anonymize")
    if profiled.records < k:
        raise TableUnfit(
            f"{name} has {profiled.records:,} rows, a class must have {k:,}: not even one class of everybody is enough"
        )


def count_fallbacks(base: BaseTable) -> dict[str, int]:
    """Return how many records of each column with a fallback went there."""
    found = {}
    for column, hierarchy in enumerate(base.layout.hierarchies):
        if hierarchy.outside_leaf is not None:
            code = base.layout.prefix_codes[column].codes[hierarchy.outside_leaf]
            there = base.layout.column_codes(base.keys, column) == np.int64(code)
            found[hierarchy.name] = int(base.counts[there].sum())
    return found
