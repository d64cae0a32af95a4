"""What every source yields: deliveries, made of pages of records that nobody has judged yet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from trustmart.errors import SourceColumnMissing
from trustmart.policy import Table

PAGE_ROWS = 50_000
LINE = "_line"

# Columns that are added to a page on its way: a source's own cannot be called the same.
RESERVED = frozenset({LINE, "_email_normalized", "_email_mailbox"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record that could not even be split into columns, with the text as it stands in the file."""

    line: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some records: every column as text under its source name, and `_line`, the record's line or number."""

    records: pa.Table
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def rows_in(self) -> int:
        """Return how many records the source held for this page."""
        return self.records.num_rows + len(self.unreadable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A file, or what a database has new. The fingerprint tells a delivery that was taken in before."""

    name: str
    fingerprint: str
    columns: tuple[str, ...]
    open: Callable[[], Iterator[Page]] = field(repr=False)


def require_columns(name: str, columns: tuple[str, ...], table: Table, place: str) -> None:
    """Refuse a delivery that lacks a mapped column, or names one twice (to SQL, `Name` and `name` are one)."""
    for ours, column in table.columns.items():
        if column.source_name not in columns and not column.optional:
            raise SourceColumnMissing(
                f"{name} has no column {column.source_name!r}, which policy/sources.yml maps to {ours!r}"
                f" ({place}.columns.{ours}). Name the right column there, or say optional: true; then: trustmart ingest"
            )
    folded = [column.lower() for column in columns]
    if repeated := sorted({column for column in columns if folded.count(column.lower()) > 1}):
        raise SourceColumnMissing(
            f"{name} names a column twice (capital and small letters are the same here): {', '.join(repeated)}"
        )
    if taken := sorted({column for column in columns if column.lower() in RESERVED}):
        raise SourceColumnMissing(f"{name} has columns with names that Trustmart keeps for itself: {', '.join(taken)}")


def as_text(columns: tuple[str, ...], arrays: Sequence[pa.Array | pa.ChunkedArray], lines: Sequence[int]) -> pa.Table:
    """Bundle text columns and line numbers into one table."""
    return pa.table([*arrays, pa.array(lines, pa.int64())], names=[*columns, LINE])
