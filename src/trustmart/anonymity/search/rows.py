"""The base of a search from plain rows, for tables that fit into Python and for tests; engines count larger ones."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from trustmart.anonymity.encoding import KeyLayout, lay_out
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.measures import Row
from trustmart.anonymity.search.judging import SensitiveColumn
from trustmart.anonymity.search.node import BaseTable
from trustmart.errors import HierarchyFault


def count_rows(
    rows: Iterable[Row],
    hierarchies: Sequence[Hierarchy],
    *,
    sensitive: Sequence[str] = (),
    layout: KeyLayout | None = None,
) -> BaseTable:
    """Count each combination of leaves and sensitive values; raises HierarchyFault where values are outside."""
    counted: Counter[tuple[tuple[int, ...], tuple[Any, ...]]] = Counter()
    outside = 0
    for row in rows:
        leaves = tuple(hierarchy.leaf_of(row[hierarchy.name]) for hierarchy in hierarchies)
        known = tuple(leaf for leaf in leaves if leaf is not None)
        outside += len(known) < len(leaves)
        counted[known, tuple(row[column] for column in sensitive)] += 1
    if outside:
        raise HierarchyFault(f"{outside} rows have values outside a hierarchy that declares no fallback")
    layout = layout if layout is not None else lay_out(hierarchies)
    counts = np.array(list(counted.values()), dtype=np.int64)
    keys = [np.zeros(len(counted), dtype=np.int64) for _ in range(layout.key_count)]
    for column in range(len(hierarchies)):
        codes = layout.leaf_codes(column)
        keys[layout.keys[column]] |= codes[np.array([leaves[column] for leaves, _ in counted], dtype=np.int64)]
    columns, values = {}, {}
    for place, name in enumerate(sensitive):
        found = [held[place] for _, held in counted]
        columns[name], values[name] = sensitive_column(found, counts)
    return BaseTable(layout, tuple(keys), counts, values, columns, int(counts.sum()))


def sensitive_column(values: Sequence[Any], counts: np.ndarray) -> tuple[SensitiveColumn, np.ndarray]:
    """Number the values of a sensitive column, and take their shares of the whole table."""
    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    coded = np.array([codes[value] for value in values], dtype=np.int64)
    people = np.bincount(coded, weights=counts, minlength=len(codes))
    return SensitiveColumn(tuple(codes), people / max(people.sum(), 1)), coded
