"""What a stage may ask of a warehouse. Tables are named zone.table on every engine."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa

Zone = Literal["restricted", "personal", "anonymized"]

# Candidates are not anonymous until the gate says so, so they live in the restricted zone.
CANDIDATE_SCHEMA = "anonymized_candidate"
# The records that candidates are made from, and who is in which of their classes.
DOOR_SCHEMA = "anonymized_door"


class Session(Protocol):
    """An open connection to some zones. Values travel as parameters, never inside the statement."""

    @property
    def dialect(self) -> Literal["duckdb", "spark"]:
        """Return which SQL it reads."""

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement; raises StatementFailed without the engine's own words."""

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""

    def value(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row."""

    def arrow(self, statement: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Return what a query yields as an Arrow table."""

    def write_parquet(self, query: str, output: Path) -> int:
        """Write what a query yields as one Parquet file; return how many rows that is; raises StatementFailed."""

    def keep(self, name: str, query: str) -> None:
        """Work a query out once, and let statements read it under a name; it may read what had the name before."""

    def discard(self, name: str) -> None:
        """Let go of what is kept under a name, if anything is."""

    def write_table(self, name: str, query: str) -> None:
        """Make a table anew from what a query yields. name: in full; its schema must be there."""

    def register(self, name: str, table: pa.Table) -> None:
        """Let statements read an Arrow table under a name."""

    def unregister(self, name: str) -> None:
        """Take a registered name back."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; one zone is written in one transaction."""

    def columns(self, zone: Zone, table: str, *, schema: str | None = None) -> dict[str, str]:
        """Return a table's columns and types; empty where there is no such table."""

    def tables_with(self, zone: Zone, column: str) -> list[str]:
        """Return the full names of a zone's base tables that have a column."""


class Warehouse(Protocol):
    """Opens zones. One process writes at a time; readers of the anonymized zone are never in the way."""

    def session(self, *, writes: Zone | None = None, reads: Sequence[Zone] = ()) -> AbstractContextManager[Session]:
        """Open zones for the time of a `with`; raises WarehouseBusy, WarehouseLocked."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other processes from writing for the time of a `with`; raises WarehouseBusy."""

    def new_release(
        self, *, archived: Path | None = None, before_move: Callable[[Path], None] | None = None
    ) -> AbstractContextManager[Session]:
        """Write a whole new anonymized zone, and move it into place at the end of the `with`.

        Inside, `anonymized` is the new, empty zone; `previous` the one that stands (if any); `restricted` is readable;
        `archived` is another published file, where one is given. before_move: told the finished file before readers
        can see it; nothing is open then.
        """

    def published(self, files: Mapping[str, Path]) -> AbstractContextManager[Session]:
        """Read published files, the standing one or older ones, under names; raises WarehouseLocked, WarehouseBusy."""
