"""One mart made night after night on an engine that keeps no zones: what was published when is lent to it each night."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from trustmart.anonymizing.made import Made
from trustmart.warehouse import Session
from trustmart.warehouse.duckdb import DuckDBSession
from trustmart.warehouse.release_history import (
    MEMBERS_BEFORE,
    RELEASES_BEFORE,
    ensure_release_history,
    look_back,
    remember,
)

RECORDS, TARGET, MEMBERS, STANDING = "records_tonight", "candidate", "candidate_members", "standing_mart"
Make = Callable[..., Made]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was made of a night: the candidate's rows and who is in which class, counted."""

    made: Made
    rows: Counter[tuple[Any, ...]]
    members: Counter[tuple[Any, ...]]


class LentNights:
    """The history stays in a zone of DuckDB, as in the night; the statements of the door run on the engine.

    make: the door's way of one tier; told session, mart, records, target, members, standing and has_history.
    """

    def __init__(self, engine: Session, make: Make) -> None:
        """Nothing is published yet."""
        self._engine, self._make = engine, make
        self._zone = DuckDBSession(duckdb.connect())
        self._zone.run("attach ':memory:' as restricted")
        ensure_release_history(self._zone)
        engine.run("create schema if not exists restricted")
        self._is_released = False

    def tell(self, records: pa.Table, at: datetime) -> Told:
        """Make tonight's candidate of these records."""
        self._lend(at)
        self._engine.register(RECORDS, records)
        made = self._make(
            self._engine,
            mart="mart",
            records=RECORDS,
            target=TARGET,
            members=MEMBERS,
            standing=STANDING if self._is_released else None,
            has_history=self._is_released,
        )
        return Told(made=made, rows=self._counted(TARGET), members=self._counted(MEMBERS))

    def publish(self, at: datetime) -> None:
        """Publish tonight's candidate, and take down who is in it."""
        self._engine.write_table(STANDING, f"select * from {TARGET}")
        self._zone.register("members_tonight", self._engine.arrow(f"select class_id, subject_id from {MEMBERS}"))
        remember(self._zone, mart="mart", members="members_tonight", released_at=at, release_id=f"{at:%d}")
        self._is_released = True

    def _lend(self, at: datetime) -> None:
        """Give the engine the history as it was before a night."""
        look_back(self._zone, before=at)
        for name in (MEMBERS_BEFORE, RELEASES_BEFORE):
            self._engine.register("lent", self._zone.arrow(f"select * from {name}"))
            self._engine.write_table(name, "select * from lent")
            self._engine.unregister("lent")

    def _counted(self, table: str) -> Counter[tuple[Any, ...]]:
        """Return a table's rows."""
        return Counter(self._engine.rows(f"select * from {table}"))
