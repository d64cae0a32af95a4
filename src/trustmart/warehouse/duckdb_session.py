"""An open DuckDB connection whose errors never quote a value."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from trustmart.errors import StatementFailed
from trustmart.warehouse.describing import described
from trustmart.warehouse.protocol import Zone


class DuckDBSession:
    """A connection whose errors never quote a value."""

    dialect: Literal["duckdb"] = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Wrap an open connection."""
        self._connection = connection

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement; raises StatementFailed."""
        self._execute(statement, parameters)

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self._execute(statement, parameters).fetchall()

    def value(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None where there is no row."""
        row = self._execute(statement, parameters).fetchone()
        return None if row is None else row[0]

    def arrow(self, statement: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Return what a query yields as an Arrow table."""
        return self._execute(statement, parameters).to_arrow_table()

    def write_parquet(self, query: str, output: Path) -> int:
        """Write what a query yields as one Parquet file; return how many rows that is; raises StatementFailed."""
        return int(self.value(f"copy ({query}) to {path_literal(output)} (format parquet)"))

    def keep(self, name: str, query: str) -> None:
        """Work a query out once, and let statements read it under a name; it may read what had the name before."""
        self.run(f"create or replace temporary table {name} as {query}")

    def discard(self, name: str) -> None:
        """Let go of what is kept under a name, if anything is."""
        self.run(f"drop table if exists temp.{name}")

    def write_table(self, name: str, query: str) -> None:
        """Make a table anew from what a query yields."""
        self.run(f"create or replace table {name} as {query}")

    def register(self, name: str, table: pa.Table) -> None:
        """Let statements read an Arrow table under a name."""
        self._connection.register(name, table)

    def unregister(self, name: str) -> None:
        """Take a registered name back."""
        self._connection.unregister(name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, roll back on any error."""
        self._connection.execute("begin transaction")
        try:
            yield
            self._execute("commit", ())
        except BaseException:
            self._connection.execute("rollback")
            raise

    def columns(self, zone: Zone, table: str, *, schema: str | None = None) -> dict[str, str]:
        """Return a table's columns and types; empty where there is no such table."""
        return described(self, zone, schema or "main", table)

    def tables_with(self, zone: Zone, column: str) -> list[str]:
        """Return the full names of a zone's base tables that have a column."""
        found = self.rows(
            "select c.schema_name, c.table_name from duckdb_columns() as c"
            " join duckdb_tables() as t using (database_name, schema_name, table_name)"
            " where c.database_name = ? and c.column_name = ? order by all",
            [zone, column],
        )
        return [f'{zone}."{schema}"."{table}"' for schema, table in found]

    def _execute(self, statement: str, parameters: Sequence[Any]) -> duckdb.DuckDBPyConnection:
        """Execute; DuckDB's messages quote values (`Could not convert string …`), so only their kind is kept."""
        try:
            return self._connection.execute(statement, list(parameters) or None)
        except duckdb.Error as error:
            opening = " ".join(statement.split())[:80]
            kind = type(error).__name__
        raise StatementFailed(f"the warehouse refused a statement ({kind}): {opening} …")


def path_literal(path: Path) -> str:
    """Quote a path for SQL."""
    return "'" + str(path).replace("'", "''") + "'"
