"""Find what a source has to deliver, whatever kind of source it is."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from trustmart.errors import SourceMissing
from trustmart.policy import Source, Table
from trustmart.sources import csv_files, parquet_files
from trustmart.sources.pages import Delivery, require_columns


def deliveries(
    source_name: str, source: Source, table_name: str, *, since: datetime | None, home: Path
) -> Iterator[Delivery]:
    """Yield what a table's source holds now, oldest file name first.

    since: the watermark up to which rows are known (databases read from there; files are known by fingerprint).
    Raises SourceMissing, SourceColumnMissing, SourceUnreadable.
    """
    table = source.tables[table_name]
    place = f"sources.{source_name}.tables.{table_name}"
    if source.location.kind == "database":
        from trustmart.sources import database  # only here: SQLAlchemy and psycopg take a quarter second to import

        columns = database.header(source.location, table)
        require_columns(f"table {table.source_name}", columns, table, place)
        read = partial(database.pages, source.location, table, columns, since=since)
        yield Delivery(name=table.source_name, fingerprint="", columns=columns, open=read)
        return
    for path in _files(source, table, place, home):
        yield _file_delivery(path, source, table, place)


def _file_delivery(path: Path, source: Source, table: Table, place: str) -> Delivery:
    """Look at one file's header and fingerprint."""
    if source.location.kind == "csv":
        columns = csv_files.header(path, source.location)
        read = partial(csv_files.pages, path, source.location, columns)
    else:
        columns = parquet_files.header(path)
        read = partial(parquet_files.pages, path, columns)
    require_columns(path.name, columns, table, place)
    return Delivery(name=path.name, fingerprint=_fingerprint(path), columns=columns, open=read)


def _files(source: Source, table: Table, place: str, home: Path) -> list[Path]:
    """Return the table's files: <from>.csv and <from>_*.csv (daily increments), or their Parquet kin."""
    folder = home / (source.location.folder or "")
    ending = source.location.kind
    patterns = (f"{table.source_name}.{ending}", f"{table.source_name}_[0-9]*.{ending}")
    found = sorted(path for pattern in patterns for path in folder.glob(pattern))
    if not found:
        raise SourceMissing(
            f"no {table.source_name}.{source.location.kind} in {folder}, where policy/sources.yml ({place}) expects it."
            " Set TRUSTMART_CRM_FOLDER to the extract's folder, or make a CRM to try: trustmart generate"
        )
    return found


def _fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
