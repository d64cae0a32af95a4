"""Rows as keys, in SQL: each column joins a small table of its leaves; their codes side by side are the key."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from trustmart.anonymity.encoding import KeyLayout
from trustmart.anonymity.hierarchy import ROOT, Hierarchy
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.words import leaf_expression, listed, quoted
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

    levels: the published level of each column, where labels are wanted too. A column at `*` then needs no join.
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
        """Let statements join leaves with codes and labels, as tables codes_0, codes_1 …"""
        for column in self.columns:
            session.register(f"codes_{column}", self._codes(column))
        yield
        for column in self.columns:
            session.unregister(f"codes_{column}")

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
            found.append(" | ".join(codes) or "cast(0 as bigint)")
        return found

    def labels(self) -> list[str]:
        """Return a row's labels; null stays null below `*`."""
        return [self._label(column) for column in range(len(self.layout.hierarchies))]

    def _code(self, column: int) -> str:
        """Return a row's code of one column: null's own, the joined one, or the fallback's."""
        hierarchy, codes = self.layout.hierarchies[column], self.layout.leaf_codes(column)
        outside = hierarchy.outside_leaf
        known = f"codes_{column}.code" if outside is None else f"coalesce(codes_{column}.code, {int(codes[outside])})"
        if not self._has_nulls(hierarchy):
            return known
        null = f"cast({int(codes[hierarchy.null_leaf])} as bigint)"
        return f"case when {self._value(column)} is null then {null} else {known} end"

    def _label(self, column: int) -> str:
        """Return a row's label of one column."""
        hierarchy = self.layout.hierarchies[column]
        if column not in self.columns:
            return f"'{ROOT}'"
        if hierarchy.fallback is None:
            return f"codes_{column}.label"
        fallback = hierarchy.fallback.replace("'", "''")
        known = f"coalesce(codes_{column}.label, '{fallback}')"
        return f"case when {self._value(column)} is null then null else {known} end"

    def _value(self, column: int) -> str:
        """Return a row's own value of one column."""
        return f"source.{quoted(self.layout.hierarchies[column].name)}"

    def _has_nulls(self, hierarchy: Hierarchy) -> bool:
        """Return whether nulls have to be thought of."""
        return self.profiled.nulls[hierarchy.name] > 0

    def _codes(self, column: int) -> pa.Table:
        """Return a column's leaves with their codes, and with the labels of its level where there is one."""
        hierarchy = self.layout.hierarchies[column]
        known = len(hierarchy.keys)
        kinds = {"day": pa.date32(), "interval": pa.int64(), "text": pa.string()}
        content = {
            "leaf": pa.array(hierarchy.keys, kinds[hierarchy.matching]),
            "code": pa.array(self.layout.leaf_codes(column)[:known]),
        }
        if self.levels is not None:
            level = self.levels[column]
            ancestors = pa.array(hierarchy.ancestors(level)[:known])
            content["label"] = pa.array(hierarchy.labels[level], pa.string()).take(ancestors)
        return pa.table(content)
