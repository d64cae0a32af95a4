"""Files that are either whole or not there: written beside their place, then moved into it."""

import csv
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from trustmart.sources.synthetic.dirt import Spoilable, spoil

# Unreadable rows stand in gaps between slices of good ones, so that they turn up all through a file.
MOST_GAPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """One file of the CRM: a query over positions `first` to `last`, and unreadable rows to put between."""

    name: str
    query: str
    rows: int
    spoilable: Spoilable | None = None
    unreadable_identifiers: Sequence[str] = ()


def write_csv(connection: duckdb.DuckDBPyConnection, extract: Extract, path: Path) -> int:
    """Write the extract as CSV, unreadable rows included, and count the records written."""
    unreadable = unreadable_rows(connection, extract)
    gaps = min(MOST_GAPS, len(unreadable))
    rows, spoilt = edges(extract.rows, gaps + 1), [*edges(len(unreadable), gaps), len(unreadable)]
    with written_beside(path) as (beside, part):
        for (first, last), (start, stop) in zip(pairwise(rows), pairwise(spoilt), strict=True):
            header = "false" if beside.exists() else "true"
            set_slice(connection, first=first, last=last)
            copy(connection, extract.query, part, f"format csv, header {header}")
            append(beside, part, csv_text(unreadable[start:stop]))
    return extract.rows + len(unreadable)


def write_parquet(connection: duckdb.DuckDBPyConnection, extract: Extract, path: Path) -> int:
    """Write the extract as Parquet, in which no row can be unreadable, and count the rows written."""
    set_slice(connection, first=0, last=extract.rows)
    with written_beside(path) as (beside, _):
        copy(connection, extract.query, beside, "format parquet, compression zstd")
    return extract.rows


def unreadable_rows(connection: duckdb.DuckDBPyConnection, extract: Extract) -> list[list[str]]:
    """The first rows of the extract once more, under identifiers of their own and spoilt."""
    if extract.spoilable is None:
        return []
    set_slice(connection, first=0, last=len(extract.unreadable_identifiers))
    rows = [
        ["" if value is None else str(value) for value in row] for row in connection.execute(extract.query).fetchall()
    ]
    return [
        spoil(rows[number % len(rows)], number, at=extract.spoilable, identifier=identifier)
        for number, identifier in enumerate(extract.unreadable_identifiers)
    ]


def edges(total: int, parts: int) -> list[int]:
    """Where to cut so many things into so many parts of about the same size."""
    return [total * part // max(1, parts) for part in range(parts + 1)]


def csv_text(rows: Sequence[Sequence[str]]) -> bytes:
    """The rows as CSV records."""
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@contextmanager
def written_beside(path: Path) -> Iterator[tuple[Path, Path]]:
    """A file to write, which takes the path's place at the end, and a scratch file beside it."""
    with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        beside = Path(folder) / path.name
        yield beside, Path(folder) / "part"
        os.replace(beside, path)


def append(whole: Path, part: Path, more: bytes) -> None:
    """Add a part and some more bytes to the end of a file."""
    with whole.open("ab") as target, part.open("rb") as source:
        shutil.copyfileobj(source, target, 1 << 20)
        target.write(more)


def copy(connection: duckdb.DuckDBPyConnection, query: str, path: Path, options: str) -> None:
    """Have DuckDB write what the query finds to a file."""
    target = str(path).replace("'", "''")
    connection.execute(f"copy ({query}) to '{target}' ({options})")


def set_slice(connection: duckdb.DuckDBPyConnection, *, first: int, last: int) -> None:
    """Tell the queries which positions are wanted."""
    connection.execute("set variable first = ?", [first])
    connection.execute("set variable last = ?", [last])
