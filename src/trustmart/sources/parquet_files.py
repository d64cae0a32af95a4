"""Parquet files, read batch by batch; every value as text, to be judged by the same rules as CSV."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trustmart.errors import SourceUnreadable
from trustmart.sources.pages import PAGE_ROWS, Page, as_text


def header(path: Path) -> tuple[str, ...]:
    """Return the column names."""
    try:
        return tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        raise SourceUnreadable(f"{path.name} is not a Parquet file, or not a whole one") from None


def pages(path: Path, columns: tuple[str, ...]) -> Iterator[Page]:
    """Yield the file's rows as text."""
    number = 0
    for batch in _batches(path):
        lines = range(number + 1, number + batch.num_rows + 1)
        yield Page(records=as_text(columns, [_text(batch.column(name)) for name in columns], lines))
        number += batch.num_rows


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the file's rows in pieces; raises SourceUnreadable where one of them is damaged."""
    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=PAGE_ROWS)
        return
    except (pa.ArrowException, OSError) as error:
        kind = type(error).__name__
    raise SourceUnreadable(f"{path.name} is damaged: reading it broke off ({kind})")


def _text(values: pa.Array) -> pa.Array:
    """Write values as text; what has no plain text form (lists, structs) as JSON-like text."""
    try:
        return pc.cast(values, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
