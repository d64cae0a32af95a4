"""Copies to plant leaks in: in the engine's memory, so the candidates themselves are never touched."""

from collections.abc import Sequence
from typing import Any

from trustmart.gates.attacks.published import class_id, members_of
from trustmart.gates.measures_sql import candidate, columns_of, quoted, restricted
from trustmart.warehouse import CANDIDATE_SCHEMA, DOOR_SCHEMA, Session

SCHEMA = "gate_self_test"
# What every copy of a mart is made from.
CUT = "gate_self_test_cut"
MOST_ROWS = 20_000


class Scratch:
    """A reader to which one mart, its members and the history are copies in `memory.gate_self_test`."""

    def __init__(self, session: Session, mart: str) -> None:
        """Make an empty schema; what a session has copied goes with it."""
        self._session, self.mart, self._is_cut = session, mart, False
        self._cut = f"memory.{CUT}.{quoted(mart)}"
        self.table = f"memory.{SCHEMA}.{quoted(mart)}"
        self.members = f"memory.{SCHEMA}.{quoted(mart + '__members')}"
        self._names = {
            candidate(mart): self.table,
            members_of(mart): self.members,
            **{
                name: f"memory.{SCHEMA}.{table}"
                for table in ("members_before", "releases_before")
                for name in (restricted(table), f"restricted.main.{table}")
            },
        }
        self._places = {
            ("restricted", CANDIDATE_SCHEMA, mart),
            ("restricted", DOOR_SCHEMA, f"{mart}__members"),
            ("restricted", "main", "members_before"),
            ("restricted", "main", "releases_before"),
        }

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields, asked of the copies."""
        for name, copy in self._names.items():
            statement = statement.replace(name, copy)
        if tuple(parameters) in self._places:
            parameters = ["memory", SCHEMA, parameters[2]]
        return self._session.rows(statement, parameters)

    def run(self, *statements: str) -> None:
        """Execute statements that name the copies."""
        for statement in statements:
            self._session.run(statement)

    def copy(self, columns: Sequence[str], *, whole: bool) -> None:
        """Copy the mart afresh: all of it, or whole classes of it until there are about 20,000 rows.

        Reading the mart itself, and finding its classes, is done for the first copy; the others are made from that.
        """
        if not self._is_cut:
            kept = "true" if whole else f"{class_id(columns)} <= '{self._last_class(candidate(self.mart))}'"
            self.run(
                f"drop schema if exists memory.{CUT} cascade",
                f"create schema memory.{CUT}",
                f"create table {self._cut} as select * from {candidate(self.mart)} where {kept}",
            )
            self._is_cut = True
        self.run(
            f"drop schema if exists memory.{SCHEMA} cascade",
            f"create schema memory.{SCHEMA}",
            f"create table {self.table} as select * from {self._cut}",
        )

    def copy_members(self) -> None:
        """Copy who is in the mart, whole classes of them until there are about 20,000 rows: in one class at least."""
        last = f"(select greatest(min(class_id), '{self._last_class(members_of(self.mart))}') from"
        self.run(
            f"create table {self.members} as select * from {members_of(self.mart)}"
            f" where class_id <= {last} {members_of(self.mart)})"
        )

    def drop(self) -> None:
        """Take the copies away."""
        self._is_cut = False
        self.run(f"drop schema if exists memory.{SCHEMA} cascade", f"drop schema if exists memory.{CUT} cascade")

    @property
    def has_members(self) -> bool:
        """Return whether the door says who is in the mart."""
        return bool(columns_of(self._session, f"{self.mart}__members", schema=DOOR_SCHEMA))

    def _last_class(self, table: str) -> str:
        """Return the end of the range of class ids that holds about so many rows (ids are evenly spread digests)."""
        rows = int(self._session.value(f"select count(*) from {table}") or 0)
        share = min(1.0, MOST_ROWS / rows) if rows else 1.0
        return "g" if share == 1.0 else f"{int(share * 0xFFFFFFFF):08x}"
