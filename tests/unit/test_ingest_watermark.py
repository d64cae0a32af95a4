"""What is new in a database is what its watermark column says, with room for what comes late."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.crm_files import AS_OF, Crm
from trustmart.errors import SourceColumnMissing, SourceMissing, SourceUnreadable

EVENTS: dict[str, Any] = {
    "from": "events",
    "key": ["event_id_crm"],
    "watermark": "received_at",
    "lookback_days": 0,
    "columns": {
        "event_id_crm": {"from": "id", "required": True},
        "customer_id_crm": {"from": "person", "required": True},
        "received_at": {"from": "received", "type": "timestamp"},
        "notes": {"from": "note"},
    },
}


class Database:
    """A CRM in an SQLite file, read through the same SQLAlchemy code as any other database."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the table, empty."""
        self.path = folder / "crm.sqlite"
        self.crm = Crm(folder, {"events": EVENTS})
        self.crm.location = {"kind": "database", "url_env": "CRM_DATABASE_URL"}
        monkeypatch.setenv("CRM_DATABASE_URL", f"sqlite:///{self.path}")
        self.run("create table events (id, person, received, note)")

    def run(self, statement: str, rows: Sequence[Sequence[Any]] | None = None) -> None:
        """Execute a statement in the CRM."""
        with sqlite3.connect(self.path) as connection:
            connection.executemany(statement, rows) if rows else connection.execute(statement)

    def add(self, *rows: tuple[Any, ...]) -> None:
        """Add events: id, instant, note. SQLite compares instants as text, so they are written to the microsecond."""
        self.run(
            "insert into events values (?, ?, ?, ?)",
            [(key, f"C{key}", received and f"{received}.000000", note) for key, received, note in rows],
        )

    def night(self, day: int) -> tuple[int, int, int]:
        """Run the night of a day of November 2026; return rows in, loaded and redelivered."""
        table = self.crm.ingest(datetime(2026, 11, day, 23, 59, 59, tzinfo=UTC))
        return table["rows_in"], table["loaded"], table["redelivered"]

    def known(self) -> list[str]:
        """Return the ids in raw."""
        return self.crm.column("select event_id_crm from restricted.raw_crm__events order by all")

    def watermark(self) -> str | None:
        """Return the watermark as text."""
        found = self.crm.column("select cast(watermark as varchar) from restricted.watermarks")
        return found[0] if found else None


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database CRM without events."""
    return Database(tmp_path, monkeypatch)


def test_only_what_is_new_is_read(database: Database) -> None:
    """The second night reads from the watermark on, the row on it included (S01)."""
    database.add((1, "2026-11-18 08:00:00", "a"), (2, "2026-11-20 08:00:00", "b"))
    assert database.night(20) == (2, 2, 0)
    assert database.watermark() == "2026-11-20 08:00:00"
    database.add((3, "2026-11-20 08:00:00", "same instant"), (4, "2026-11-21 09:00:00", "c"))
    assert database.night(21) == (3, 3, 1)
    assert database.known() == ["1", "2", "3", "4"]


def test_a_date_in_the_future_hides_nothing(database: Database) -> None:
    """An event dated 2027 must not keep the withdrawals of the following nights from being seen (S42)."""
    database.add((1, "2026-11-20 08:00:00", "a"), (2, "2027-06-01 00:00:00", "from the future"))
    assert database.night(20) == (2, 2, 0)
    assert database.watermark() == "2026-11-20 23:59:59"
    database.add((3, "2026-11-21 09:00:00", "withdrawn"))
    assert database.night(21) == (2, 2, 1)
    database.add((4, "2026-11-22 09:00:00", "withdrawn"))
    assert database.night(22) == (2, 2, 1)
    assert database.known() == ["1", "2", "3", "4"]


def test_lookback_finds_what_was_written_late(database: Database) -> None:
    """A row that arrives two days after its own date is found within the lookback, and not beyond it (S42)."""
    database.crm.tables["events"]["lookback_days"] = 3
    database.add((1, "2026-11-20 08:00:00", "a"))
    assert database.night(20) == (1, 1, 0)
    database.add((2, "2026-11-18 08:00:00", "two days late"), (3, "2026-11-10 08:00:00", "beyond the lookback"))
    assert database.night(21) == (2, 2, 1)
    assert database.known() == ["1", "2"]


def test_rows_without_a_watermark_are_read_every_night(database: Database) -> None:
    """A null is no reason to overlook somebody (S42)."""
    database.add((1, None, "a"), (2, "2026-11-20 08:00:00", "b"))
    assert database.night(20) == (2, 2, 0)
    database.add((3, None, "c"))
    assert database.night(21) == (3, 3, 2)
    assert database.known() == ["1", "2", "3"]


def test_without_any_date_there_is_no_watermark(database: Database) -> None:
    """A table of nulls is read whole again, instead of never (S42)."""
    database.add((1, None, "a"))
    assert database.night(20) == (1, 1, 0)
    assert database.watermark() is None
    database.add((2, "2001-01-01 00:00:00", "old"))
    assert database.night(21) == (2, 2, 1)


def test_an_unreadable_date_does_not_move_the_watermark(database: Database) -> None:
    """What is quarantined says nothing of how far we have read (S42)."""
    database.add((1, "2026-11-20 08:00:00", "a"), (2, "2026-11-20 99:00:00", "broken"))
    assert database.night(20) == (2, 1, 0)
    assert database.watermark() == "2026-11-20 08:00:00"
    assert database.crm.quarantined() == [(2, "impossible_date", "received_at")]


def test_a_night_rebuilt_in_the_past_reads_more_and_doubles_nothing(database: Database) -> None:
    """as_of earlier than the last night moves the watermark back, never beyond what was seen (S68)."""
    database.add((1, "2026-11-18 08:00:00", "a"), (2, "2026-11-20 08:00:00", "b"))
    database.night(20)
    database.night(19)
    assert database.watermark() == "2026-11-19 23:59:59"
    database.add((3, "2026-11-19 23:59:59", "c"))
    assert database.night(21) == (2, 2, 1)
    assert database.known() == ["1", "2", "3"]


def test_a_changed_row_is_read_again_when_its_watermark_moves(database: Database) -> None:
    """An update in the CRM arrives as a new version of the row (S01)."""
    database.add((1, "2026-11-20 08:00:00", "before"))
    database.night(20)
    database.run("update events set note = 'after', received = '2026-11-21 08:00:00.000000' where id = 1")
    assert database.night(21) == (1, 1, 0)
    assert database.crm.column("select notes from restricted.raw_crm__events order by all") == ["after", "before"]


def test_a_failed_night_does_not_move_the_watermark(database: Database) -> None:
    """The watermark belongs to the transaction: rolled back rows are read again (S68)."""
    database.add((1, "2026-11-20 08:00:00", "a"))
    database.crm.tables["others"] = EVENTS | {"from": "not_there"}
    with pytest.raises(SourceMissing, match=r"no table 'not_there'"):
        database.night(20)
    del database.crm.tables["others"]
    assert database.watermark() is None
    assert database.night(20) == (1, 1, 0)


def test_without_a_watermark_column_the_whole_table_is_read(database: Database) -> None:
    """A table that does not say what is new is read whole; known rows are redelivered (S01)."""
    del database.crm.tables["events"]["watermark"]
    database.add((1, "2026-11-20 08:00:00", "a"))
    assert database.night(20) == (1, 1, 0)
    assert database.night(21) == (1, 1, 1)


def test_a_quiet_night_is_a_night_of_no_rows(database: Database) -> None:
    """Nothing new is zero rows, and the watermark stays (S01)."""
    database.add((1, "2026-11-20 08:00:00", "a"))
    database.night(20)
    database.run("delete from events")
    assert database.night(21) == (0, 0, 0)
    assert database.watermark() == "2026-11-20 08:00:00"


def test_a_database_may_drift_too(database: Database) -> None:
    """A column that the database grows is kept in raw, whatever it is called; a missing one is named (S03)."""
    database.run('alter table events add column "a ""strange"" %(one)s :two"')
    database.run("insert into events values (1, 'C1', '2026-11-20', 'x', 'kept')")
    assert database.crm.ingest()["new_columns"] == ['unmapped_a "strange" %(one)s :two']
    database.run("alter table events drop column note")
    with pytest.raises(SourceColumnMissing, match="table events has no column 'note'"):
        database.crm.ingest(AS_OF + timedelta(days=1))


def test_an_unset_url_is_an_error_that_names_the_variable(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL is looked for in the environment, and the error says where (S01)."""
    monkeypatch.delenv("CRM_DATABASE_URL")
    with pytest.raises(SourceMissing, match="CRM_DATABASE_URL"):
        database.crm.ingest()


@pytest.mark.parametrize(
    "url",
    [
        "not a url with s3cret",
        "nosuchdb://crm:s3cret@host/db",
        "postgresql+nosuchdriver://crm:s3cret@host/db",
        "postgresql+pg8000://crm:s3cret@127.0.0.1:1/db",
        "postgresql+psycopg://crm:s3cret@127.0.0.1:notaport/db",
        "postgresql+psycopg://crm:s3cret@127.0.0.1:1/db",
        "sqlite:////no/such/folder/s3cret.sqlite",
    ],
)
def test_a_bad_url_is_a_clear_error_without_its_password(
    database: Database, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Whatever is wrong with the URL, the error names the variable and no part of the secret (S67)."""
    monkeypatch.setenv("CRM_DATABASE_URL", url)
    with pytest.raises(SourceUnreadable, match="CRM_DATABASE_URL") as caught:
        database.crm.ingest()
    assert "s3cret" not in str(caught.value)


def test_values_of_every_kind_are_read_as_their_text(database: Database) -> None:
    """Numbers, blobs and texts of a database come in as the text a CSV export would hold (S01)."""
    database.add((1, None, 12.5), (2, None, b"\x00\xff"), (3, None, 7), (4, None, ""))
    assert database.night(20)[1] == 4
    assert database.crm.column("select notes from restricted.raw_crm__events order by event_id_crm") == [
        "12.5",
        "00ff",
        "7",
        None,
    ]
