"""Which columns a table has, asked of the table itself."""

from collections.abc import Sequence
from typing import Any, Protocol

_CATALOGUE = (
    "select column_name, data_type from duckdb_columns()"
    " where database_name = ? and schema_name = ? and table_name = ? order by column_index"
)


class _Reader(Protocol):
    """Whatever can be asked for rows."""

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""


def described(reader: _Reader, database: str, schema: str, table: str) -> dict[str, str]:
    """Return a table's columns and their types, in order; empty where there is no such table.

    The engine's catalogue writes down every column of every table each time: ten times as long as asking the table,
    and thirty times for the first question of a session. It is asked where the table does not answer, and raises
    what the reader raises.
    """
    name = '"' + table.replace('"', '""') + '"'
    try:
        found = [row[:2] for row in reader.rows(f"describe {database}.{schema}.{name}")]
    except Exception:  # noqa: BLE001 - readers raise their own; whether there is a table, the catalogue says
        found = reader.rows(_CATALOGUE, [database, schema, table])
    return {column: str(data_type) for column, data_type in found}
