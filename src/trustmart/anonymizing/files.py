"""Tables in files: CSV and Parquet, as relations of an engine; and the engine for one run."""

import csv
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet

from trustmart.anonymizing.words import Dialect, listed, literal, parquet_relation, quoted, type_name
from trustmart.errors import ReleaseFault, StatementFailed, TableUnfit
from trustmart.settings import Settings
from trustmart.warehouse import Session
from trustmart.warehouse.duckdb import DuckDBSession

_NO_SPARK = "--engine spark: Spark has an environment of its own: make spark, then .venv-spark/bin/trustmart"


@dataclass(frozen=True)
class TableFile:
    """A table in a file.

    relation: what stands for it in SQL; columns: their names and types, in order; dialect: whose SQL that is.
    """

    path: Path
    relation: str
    columns: dict[str, str]
    dialect: Dialect = "duckdb"

    def check_columns(self, wanted: list[str]) -> None:
        """Raise TableUnfit where columns are missing."""
        if missing := [column for column in wanted if column not in self.columns]:
            raise TableUnfit(f"{self.path.name} has no column {', '.join(missing)}; it has {', '.join(self.columns)}")


@contextmanager
def engine_called(name: Dialect) -> Iterator[Session]:
    """Open an engine by its name; raises ReleaseFault where Spark is not installed."""
    if name == "duckdb":
        with engine() as session:
            yield session
        return
    try:
        from trustmart.warehouse.spark import spark_session
    except ImportError:
        raise ReleaseFault([_NO_SPARK]) from None
    with spark_session(threads=Settings().threads, memory="2g") as spark:
        yield spark


@contextmanager
def engine() -> Iterator[DuckDBSession]:
    """Open an engine of our own: bounded memory, and a private folder to spill into that goes with it."""
    settings = Settings()
    with tempfile.TemporaryDirectory(prefix="trustmart-") as scratch:
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": settings.threads,
                "memory_limit": settings.memory_limit,
                "temp_directory": scratch,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        try:
            connection.execute("set timezone = 'UTC'")
            yield DuckDBSession(connection)
        finally:
            connection.close()


def open_table(session: Session, path: Path) -> TableFile:
    """Look at a file without reading it; raises TableUnfit for other formats, and for columns of one name."""
    if not path.is_file():
        raise TableUnfit(f"there is no file {path}")
    separator, dialect = "", session.dialect
    if path.suffix.lower() == ".parquet":
        names, relation = _parquet_names(path), parquet_relation(str(path.resolve()), dialect)
    elif path.suffix.lower() in (".csv", ".tsv", ".txt"):
        # Everything is text, as it stands: a guess would make 1001 of the postcode 01001.
        separator = _separator(path)
        names = _csv_names(path, separator)
        relation = _csv_relation(session, path, names, separator)
    else:
        raise TableUnfit(f"{path.name} is neither .csv nor .parquet")
    if twice := [name for name, times in Counter(name.lower() for name in names).items() if times > 1]:
        raise TableUnfit(f"{path.name} has several columns called {', '.join(twice)}; give each a name of its own")
    if separator:
        _check_lines(session, path, relation, names, separator)
    return TableFile(path, relation, _described(session, relation), dialect)


def table_called(session: Session, name: str, relation: str) -> TableFile:
    """Look at a relation of the engine. name: what messages call it."""
    return TableFile(Path(name), relation, _described(session, relation), session.dialect)


def _described(session: Session, relation: str) -> dict[str, str]:
    """Return a relation's columns and types, in order."""
    return {str(row[0]): type_name(str(row[1])) for row in session.rows(f"describe select * from {relation}")}


def _parquet_names(path: Path) -> list[str]:
    """Return the names in a Parquet file's own schema."""
    try:
        return list(parquet.read_schema(path).names)
    except (OSError, ValueError) as error:
        kind = type(error).__name__
    raise TableUnfit(f"{path.name} cannot be read as Parquet ({kind})")


def _csv_relation(session: Session, path: Path, names: list[str], separator: str) -> str:
    """Return a CSV file as a relation whose columns are all text; nothing is guessed."""
    if session.dialect == "spark":
        return _csv_view(session, path, names, separator)
    place = literal(str(path))
    columns = ", ".join("'" + name.replace("'", "''") + "': 'VARCHAR'" for name in names)
    dialect = f"delim = '{separator}', quote = '\"', escape = '\"', nullstr = ''"
    return f"read_csv({place}, auto_detect = false, header = true, columns = {{{columns}}}, {dialect})"


def _csv_view(session: Session, path: Path, names: list[str], separator: str) -> str:
    """Return a view on a CSV file, for an engine that reads files with options only as views."""
    view = f"csv_{uuid.uuid4().hex}"
    columns = listed(f"{quoted(name)} string" for name in names)
    options = {"path": str(path.resolve()), "header": "true", "sep": separator, "quote": '"', "escape": '"'}
    options |= {"mode": "FAILFAST", "multiLine": "true", "enforceSchema": "true", "nullValue": "", "emptyValue": ""}
    said = listed(f"{name} = {literal(value, session.dialect)}" for name, value in options.items())
    session.run(f"create temporary view {view} ({columns}) using csv options ({said})")
    return view


def _check_lines(session: Session, path: Path, relation: str, names: list[str], separator: str) -> None:
    """Raise TableUnfit where lines do not fit the header: a guess would move values into other columns."""
    try:
        session.value(f"select count(*) from {relation}")
    except StatementFailed:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            misfits = sum(1 for line in csv.reader(file, delimiter=separator) if line and len(line) != len(names))
        raise TableUnfit(
            f"{path.name} cannot be read: {misfits:,} lines have more or fewer fields than its header's {len(names)}"
            if misfits
            else f"{path.name} cannot be read as CSV in UTF-8"
        ) from None


def _separator(path: Path) -> str:
    """Return which of the usual separators the first line has most of."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
    return max(",;\t|", key=header.count)


def _csv_names(path: Path, separator: str) -> list[str]:
    """Return the names in a CSV file's first line."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        names = next(csv.reader(file, delimiter=separator), [])
    if not names:
        raise TableUnfit(f"{path.name} is empty: it has no line with the names of its columns")
    return names
