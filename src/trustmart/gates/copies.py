"""A copy of one mart to try changes on, and the gate's own judgement of it. The candidate itself is never touched."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from trustmart.gates.attacks.levels import Told, coarsened
from trustmart.gates.attacks.published import class_id, members_of, records_of
from trustmart.gates.looking import look
from trustmart.gates.measures_sql import (
    SUPPRESSION_TABLE,
    Reader,
    candidate,
    candidate_columns,
    columns_of,
    people_of,
    quoted,
    restricted,
    suppression_of,
)
from trustmart.gates.requirement import Requirement
from trustmart.warehouse import CANDIDATE_SCHEMA, DOOR_SCHEMA, Session

SCHEMA = "gate_moves"
# Rows and a checksum of a candidate and of its members: enough to see that they are others.
Seen = tuple[tuple[int, int | None], ...]
# What compares texts with everybody in the CRM is asked last. The dictionary is the dearest of all attacks, and has
# nothing to say of values that it has seen.
_DEAR = ("no_direct_identifiers", "names_in_text", "rehashed")


class Copies:
    """A reader to which one mart, its members and what was left out of it are copies in `memory.gate_moves`."""

    def __init__(self, session: Session, mart: str) -> None:
        """Remember the names; `afresh` makes the copies."""
        self.session, self.mart = session, mart
        self.table = f"memory.{SCHEMA}.{quoted(mart)}"
        self.members = f"memory.{SCHEMA}.{quoted(mart + '__members')}"
        self.records = f"memory.{SCHEMA}.{quoted(mart + '__records')}"
        self.suppression = f"memory.{SCHEMA}.{quoted(SUPPRESSION_TABLE)}"
        self._has_records = bool(columns_of(session, mart, schema=DOOR_SCHEMA))
        self._names = {
            candidate(mart): self.table,
            members_of(mart): self.members,
            **({records_of(mart): self.records} if self._has_records else {}),
            restricted(SUPPRESSION_TABLE): self.suppression,
        }
        self._places = {
            ("restricted", CANDIDATE_SCHEMA, mart),
            ("restricted", DOOR_SCHEMA, f"{mart}__members"),
            ("restricted", "main", SUPPRESSION_TABLE),
        }

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields, asked of the copies."""
        for name, copy in self._names.items():
            statement = statement.replace(name, copy)
        if tuple(parameters) in self._places:
            parameters = ["memory", SCHEMA, parameters[2]]
        return self.session.rows(statement, parameters)

    def afresh(self) -> None:
        """Copy the candidate as it stands; raises StatementFailed."""
        self.empty()
        self.session.run(f"create table {self.table} as from {candidate(self.mart)}")
        if columns_of(self.session, f"{self.mart}__members", schema=DOOR_SCHEMA):
            self.session.run(f"create table {self.members} as from {members_of(self.mart)}")
        if stated := suppression_of(self.session, self.mart):
            self.say_suppressed(stated[0].people_total, stated[0].people_suppressed)

    def empty(self, told: Mapping[str, Told] = MappingProxyType({})) -> None:
        """Make room for other copies. told: columns whose labels the records shall tell more coarsely."""
        self.drop()
        self.session.run(f"create schema memory.{SCHEMA}")
        if self._has_records:
            self.session.run(f"create view {self.records} as {coarsened(records_of(self.mart), told)}")

    def drop(self) -> None:
        """Take the copies away."""
        self.session.run(f"drop schema if exists memory.{SCHEMA} cascade")

    def say_suppressed(self, people_total: int, people_suppressed: int) -> None:
        """Say how many people the copy leaves out."""
        self.session.run(
            f"create or replace table {self.suppression} as select ? as mart, cast(? as bigint) as people_total,"
            " cast(? as bigint) as people_suppressed",
            [self.mart, people_total, people_suppressed],
        )

    def suppressed(self) -> tuple[int, int]:
        """Return how many people there are (at least 1), and how many of them the copy leaves out."""
        stated = suppression_of(self, self.mart)
        return (max(1, stated[0].people_total), stated[0].people_suppressed) if stated else (1, 0)

    def suppress(self, condition: str, columns: Sequence[str], class_size: str | None) -> int:
        """Delete the rows of a condition, and the members of the classes that are gone; return how many people left.

        columns: what a class is made of. Totals (`*`) are no people of their own.
        """
        finest = " and ".join(f"coalesce(cast({quoted(c)} as varchar), '') <> '*'" for c in columns)
        gone = f"({condition})" + (f" and {finest}" if class_size else "")
        ((people,),) = self.rows(
            f"select coalesce(sum({people_of(class_size)}), 0) from {candidate(self.mart)} where {gone}"
        )
        self._run(f"delete from {candidate(self.mart)} where {condition}")
        if columns_of(self, f"{self.mart}__members", schema=DOOR_SCHEMA):
            left = f"select {class_id(columns)} from {candidate(self.mart)}"
            self._run(f"delete from {members_of(self.mart)} where class_id not in ({left})")
        total, before = self.suppressed()
        self.say_suppressed(total, min(total, before + int(people)))
        return int(people)

    def drop_rows(self, condition: str) -> None:
        """Take rows that stand for nobody else than others do (totals) out of the copy."""
        self.session.run(f"delete from {self.table} where {condition}")

    def drop_column(self, column: str) -> None:
        """Take a column that tells no classes apart out of the copy."""
        self.session.run(f"alter table {self.table} drop column {quoted(column)}")

    def shows_new_texts(self) -> bool:
        """Return whether any text of the copy is not in the same column of the candidate."""
        known = candidate_columns(self.session, self.mart)
        for name in (column for column, kind in self.columns().items() if kind.startswith("VARCHAR")):
            shown, seen = (f"select {quoted(name)} from {table}" for table in (self.table, candidate(self.mart)))
            if name not in known or self.session.rows(f"{shown} except {seen} limit 1"):
                return True
        return False

    def columns(self) -> dict[str, str]:
        """Return the copy's columns and their types."""
        return candidate_columns(self, self.mart)

    def _run(self, statement: str) -> None:
        """Change the copies by a statement that names the candidate."""
        for name, copy in self._names.items():
            statement = statement.replace(name, copy)
        self.session.run(statement)


def seen_of(session: Session, mart: str) -> Seen:
    """Return what a candidate, and who is in it, look like now: others may make them anew while nobody has the lock."""
    places = {candidate(mart): candidate_columns(session, mart)}
    places[members_of(mart)] = columns_of(session, f"{mart}__members", schema=DOOR_SCHEMA)
    return tuple(
        session.rows(f"select count(*), sum(cast(hash(one) as hugeint)) from {place} as one")[0]
        for place, columns in places.items()
        if columns
    )


def failing(reader: Reader, asked: Sequence[Requirement]) -> list[Requirement]:
    """Return what a mart does not meet, asked anew."""
    return [one for one in asked if look(one.check, reader, one.arguments).findings]


def stands(copies: Copies, asked: Sequence[Requirement], failed: Collection[str]) -> bool:
    """Return whether a changed mart meets everything.

    failed: the checks that the candidate itself does not meet; they are asked first. The dictionary is asked only of
    texts that the candidate did not show, or where it was what failed.
    """
    spared = {"rehashed"} if "rehashed" not in failed and not copies.shows_new_texts() else set()
    in_order = sorted(
        (one for one in asked if one.check not in spared),
        key=lambda one: (one.check not in failed, _DEAR.index(one.check) + 1 if one.check in _DEAR else 0),
    )
    return not any(look(one.check, copies, one.arguments).findings for one in in_order)
