"""The base of a fit: one statement that encodes every row; each combination of leaves and values is counted.

The engine counts, unless what it would hand over fits into memory as one number for each row: to sort those is several
times quicker than to group where hardly anybody shares a combination, and no slower where many do.
"""

import functools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from trustmart.anonymity.encoding import KEY_BITS, KeyLayout, lay_out
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.search import BaseTable, SensitiveColumn, count_equal
from trustmart.anonymizing.encoding_sql import Encoding, Profile
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.words import listed, quoted
from trustmart.errors import HierarchyFault, TableUnfit
from trustmart.warehouse import Session

# So many numbers are taken from the engine at most (256 MiB).
_MOST_NUMBERS = 1 << 25


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
        widths = [(len(domain) - 1).bit_length() for domain in domains]
        is_grouped = session.dialect == "spark" or not _is_one_number(layout, widths, profiled.records)
        counted = session.arrow(_statement(encoding, sensitive, is_grouped=is_grouped))
    inside = functools.reduce(pa.compute.and_, [counted.column(key).is_valid() for key in encoding.key_names])
    people = counted.column("people").filter(inside) if is_grouped else inside
    outside = profiled.records - (pa.compute.sum(people).as_py() or 0)
    if outside > 0:
        raise HierarchyFault(_say_outside(session, table, hierarchies, profiled, outside))
    arrays = [_numbers(counted.column(name)) for name in counted.column_names]
    del counted, inside, people
    keys, codes, counts = _parted(arrays, layout.key_count) if is_grouped else _sorted(arrays, widths)
    columns: dict[str, SensitiveColumn] = {}
    for name, domain, code in zip(sensitive, domains, codes, strict=True):
        held = np.bincount(code, weights=counts, minlength=len(domain))
        columns[name] = SensitiveColumn(tuple(domain), held / max(held.sum(), 1))
    return BaseTable(layout, tuple(keys), counts, dict(zip(sensitive, codes, strict=True)), columns, profiled.records)


Counted = tuple[list[np.ndarray], list[np.ndarray], np.ndarray]


def _is_one_number(layout: KeyLayout, widths: Sequence[int], records: int) -> bool:
    """Return whether each row is one signed number, and all of them fit into memory. widths: bits of each value."""
    bits = layout.used_bits(0) + sum(widths)
    return layout.key_count == 1 and bits < KEY_BITS + (not widths) and records * (1 + len(widths)) <= _MOST_NUMBERS


def _parted(arrays: Sequence[np.ndarray], keys: int) -> Counted:
    """Return keys, values and counts as the engine has counted them."""
    return list(arrays[:keys]), list(arrays[keys:-1]), arrays[-1]


def _sorted(arrays: Sequence[np.ndarray], widths: Sequence[int]) -> Counted:
    """Count rows that are one key and values of so many bits."""
    word = np.array(arrays[0])
    for code, width in zip(arrays[1:], widths, strict=True):
        word <<= width
        word |= code
    word, counts = count_equal(word)
    codes = []
    for width in reversed(widths):
        codes.append(word & ((1 << width) - 1))
        word = word >> width
    return [word], codes[::-1], counts


def _statement(encoding: Encoding, sensitive: Sequence[str], *, is_grouped: bool) -> str:
    """Return the one statement that encodes, and that counts where rows are grouped."""
    keys = [f"{expression} as {key}" for expression, key in zip(encoding.keys(), encoding.key_names, strict=True)]
    values = [f"coalesce(values_{place}.code, 0) as value_{place}" for place in range(len(sensitive))]
    joins = "".join(
        f" left join values_{place} on values_{place}.value = source.{quoted(name)}"
        for place, name in enumerate(sensitive)
    )
    encoded = f"select {listed(keys + values)} from {encoding.joined()}{joins}"
    if not is_grouped:
        return encoded
    groups = listed([*encoding.key_names, *(f"value_{place}" for place in range(len(sensitive)))])
    return f"with encoded as ({encoded}) select {groups}, count(*) as people from encoded group by {groups}"


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
