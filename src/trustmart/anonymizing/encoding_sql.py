"""Rows as keys, in SQL: each column joins a small table of its leaves; their codes side by side are the key.

Labels are found the other way round: a class's key holds the code of every column, and a code of a level has one label.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from trustmart.anonymity.encoding import Codes, KeyLayout
from trustmart.anonymity.hierarchy import ROOT, Hierarchy
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.words import label_expression, leaf_expression, listed, literal, quoted
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


@dataclass(frozen=True)
class Encoding:
    """How a table's rows become keys.

    levels: the published level of each column, where labels are wanted too; the layout then has it as its floor, so
    that a column's code says its label. A column at `*` needs no join.
    """

    table: TableFile
    layout: KeyLayout
    profiled: Profile
    levels: tuple[int, ...] | None = None

    @property
    def key_names(self) -> list[str]:
        """Return what the keys are called: key_0, key_1 …"""
        return [f"key_{key}" for key in range(self.layout.key_count)]

    @cached_property
    def columns(self) -> list[int]:
        """Return the columns that are joined."""
        every = range(len(self.layout.hierarchies))
        return [c for c in every if self.levels is None or self.levels[c] < self.layout.hierarchies[c].levels - 1]

    @contextmanager
    def codes(self, session: Session) -> Iterator[None]:
        """Let statements join leaves with codes (tables codes_0, codes_1 …) and codes with labels (labels_0 …)."""
        tables = {f"codes_{column}": self._codes(column) for column in self.columns}
        if self.levels is not None:
            tables |= {f"labels_{column}": self._labels(column, self.levels[column]) for column in self.columns}
        for name, content in tables.items():
            session.register(name, content)
        yield
        for name in tables:
            session.unregister(name)

    def joined(self) -> str:
        """Return the table, as `source`, with the joins that find its codes.

        Where a value without a code cannot be let through, an inner join leaves its row out at once.
        """
        joins = [f"{self.table.relation} as source"]
        for column in self.columns:
            hierarchy = self.layout.hierarchies[column]
            kind = self.table.columns[hierarchy.name]
            leaf = leaf_expression(hierarchy.matching, self._value(column), kind, hierarchy.interval)
            is_optional = hierarchy.fallback is not None or self._has_nulls(hierarchy)
            joins.append(f"{'left ' if is_optional else ''}join codes_{column} on codes_{column}.leaf = {leaf}")
        return " ".join(joins)

    def keys(self) -> list[str]:
        """Return a row's keys; null where a value has no code."""
        found = []
        for key in range(self.layout.key_count):
            codes = [f"({self._code(column)})" for column in self.columns if self.layout.keys[column] == key]
            found.append(" | ".join(codes) or f"cast(0 as {self._key_type(key)})")
        return found

    def labelled(self, classes: str) -> str:
        """Return `classes`, which has their keys, with the joins that find its labels."""
        joins = [classes]
        for column in self.columns:
            place, kind = self.layout.keys[column], self._key_type(self.layout.keys[column])
            # In quotes, as the lowest number of a type is more than what some engines read after a minus.
            mask = f"cast('{self.layout.column_mask(column, 0)}' as {kind})"
            labels = f"select code, {self._as_label(column, 'label')} as label from labels_{column}"
            named = f"({labels}) as labels_{column}"
            joins.append(f"join {named} on labels_{column}.code = ({classes}.{self.key_names[place]} & {mask})")
        return " ".join(joins)

    def labels(self) -> list[str]:
        """Return a class's labels; null stays null below `*`."""
        every = range(len(self.layout.hierarchies))
        root = label_expression(literal(ROOT), [ROOT], self.table.dialect)
        return [f"labels_{column}.label" if column in self.columns else root for column in every]

    def _code(self, column: int) -> str:
        """Return a row's code of one column: null's own, the joined one, or the fallback's."""
        hierarchy, codes = self.layout.hierarchies[column], self.layout.leaf_codes(column)
        outside = hierarchy.outside_leaf
        known = f"codes_{column}.code" if outside is None else f"coalesce(codes_{column}.code, {int(codes[outside])})"
        if not self._has_nulls(hierarchy):
            return known
        null = f"cast({int(codes[hierarchy.null_leaf])} as {self._key_type(self.layout.keys[column])})"
        return f"case when {self._value(column)} is null then {null} else {known} end"

    def _as_label(self, column: int, value: str) -> str:
        """Return an expression as a label of a column."""
        labels = self.layout.hierarchies[column].labels[self.levels[column] if self.levels is not None else 0]
        return label_expression(value, [label for label in labels if label is not None], self.table.dialect)

    def _key_type(self, key: int) -> str:
        """Return the type of a key: the shorter one where it is enough, as engines group it faster."""
        return "integer" if self.layout.used_bits(key) < 32 else "bigint"

    def _value(self, column: int) -> str:
        """Return a row's own value of one column."""
        return f"source.{quoted(self.layout.hierarchies[column].name)}"

    def _has_nulls(self, hierarchy: Hierarchy) -> bool:
        """Return whether nulls have to be thought of."""
        return self.profiled.nulls[hierarchy.name] > 0

    def _codes(self, column: int) -> pa.Table:
        """Return a column's leaves with their codes."""
        hierarchy = self.layout.hierarchies[column]
        kinds = {"day": pa.date32(), "interval": pa.int64(), "text": pa.string()}
        codes = self.layout.leaf_codes(column)[: len(hierarchy.keys)]
        return pa.table(
            {"leaf": pa.array(hierarchy.keys, kinds[hierarchy.matching]), "code": self._typed(column, codes)}
        )

    def _labels(self, column: int, level: int) -> pa.Table:
        """Return the codes of a level with their labels."""
        hierarchy = self.layout.hierarchies[column]
        nodes, leaves = np.unique(hierarchy.ancestors(level), return_index=True)
        labels = pa.array(hierarchy.labels[level], pa.string()).take(pa.array(nodes))
        return pa.table({"code": self._typed(column, self.layout.leaf_codes(column)[leaves]), "label": labels})

    def _typed(self, column: int, codes: Codes) -> pa.Array:
        """Return codes in the type of their key."""
        return pa.array(codes, pa.int32() if self._key_type(self.layout.keys[column]) == "integer" else pa.int64())
