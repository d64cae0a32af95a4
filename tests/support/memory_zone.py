"""A restricted zone in memory, for tests that ask the gate's SQL and nothing else."""

from typing import Any

import duckdb


class MemoryZone:
    """What the gate reads from: an attached database with the schemas of the door and of candidates."""

    def __init__(self, *statements: str) -> None:
        """Make the zone, and whatever a test wants to be in it."""
        self.connection = duckdb.connect()
        for statement in (
            "attach ':memory:' as restricted",
            "create schema restricted.anonymized_door",
            "create schema restricted.anonymized_candidate",
            *statements,
        ):
            self.connection.execute(statement)

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()

    def fill(self, table: str, rows: list[Any]) -> None:
        """Replace a table's rows. table: its schema and name."""
        self.connection.execute(f"delete from restricted.{table}")
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self.connection.executemany(f"insert into restricted.{table} values ({marks})", rows)
