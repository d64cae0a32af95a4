"""Rows in are rows loaded plus rows quarantined, at every run; where they are not, nothing has happened."""

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.crm_files import AS_OF, Crm, shipped_tables
from trustmart.errors import AccountingMismatch, SourceColumnMissing
from trustmart.pipeline.ingest import ingest
from trustmart.pipeline.intake import Intake
from trustmart.sources import Page
from trustmart.sources.synthetic import generate

MIXED = '1,Ada,1980-01-01,x\n2,Bo,2026-13-45,x\n3,Cy\n1,Ada,1980-01-01,x\n4,"torn"x,,\n'


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    """A CRM with one table of people: id, name, born, notes."""
    return Crm(tmp_path)


def test_every_row_is_loaded_or_quarantined_and_both_are_counted(crm: Crm) -> None:
    """Five rows in, two loaded of which one was known, three quarantined by reason (S68)."""
    crm.people(MIXED)
    counts = crm.ingest()
    assert counts == {
        "source": "crm",
        "table": "customers",
        "files": 1,
        "rows_in": 5,
        "loaded": 2,
        "redelivered": 1,
        "quarantined": 3,
        "new_columns": [],
        "reasons": {"impossible_date": 1, "wrong_number_of_columns": 1, "broken_quoting": 1},
    }
    assert crm.numbers() == ["1"]
    assert len(crm.quarantined()) == 3


def test_the_books_say_what_the_report_says(crm: Crm) -> None:
    """The batch is written down with the same counts, by reason, for whoever asks later (S68)."""
    crm.people(MIXED)
    crm.ingest()
    assert crm.rows("select * exclude (as_of) from restricted.batches") == [
        ("crm-20261120T235959Z-1", "crm", "customers", 1, 5, 2, 1, 3, "[]")
    ]
    assert crm.rows("select reason, rows from restricted.batch_reasons order by all") == [
        ("broken_quoting", 1),
        ("impossible_date", 1),
        ("wrong_number_of_columns", 1),
    ]


def lose_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a fault: one row of every page is never counted."""
    honest = Intake._count

    def forgetful(self: Intake, page: Page, unreadable: Any) -> None:
        honest(self, page, unreadable)
        self.count.loaded -= 1

    monkeypatch.setattr(Intake, "_count", forgetful)


def lose_quarantine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a fault: what is unreadable is dropped silently."""
    honest = Intake._count
    monkeypatch.setattr(Intake, "_count", lambda self, page, unreadable: honest(self, page, ()))


def lose_at_the_insert(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a fault: rows are counted and not written."""
    monkeypatch.setattr(Intake, "_insert", lambda self: None)


def write_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant a fault: rows are counted once and written twice."""
    honest = Intake._insert

    def doubled(self: Intake) -> None:
        honest(self)
        honest(self)

    monkeypatch.setattr(Intake, "_insert", doubled)


@pytest.mark.parametrize("fault", [lose_a_row, lose_quarantine, lose_at_the_insert, write_twice])
@pytest.mark.parametrize("is_first_night", [True, False], ids=["first night", "later night"])
def test_a_row_that_is_not_accounted_for_rolls_everything_back(
    crm: Crm, monkeypatch: pytest.MonkeyPatch, fault: Any, is_first_night: bool
) -> None:
    """A fault of ours that loses or doubles a row stops the night, and the zone is as it was before (S68)."""
    if not is_first_night:
        crm.people("9,Ed,1970-01-01,x\n9,Ed\n")
        crm.ingest(AS_OF - timedelta(days=1))
        before = crm.whole_zone()
    crm.people(MIXED, "customers_2026-11-20.csv")
    with monkeypatch.context() as planted:
        fault(planted)
        with pytest.raises(AccountingMismatch, match=r"crm\.customers: .*rolled back"):
            ingest(crm.context())
    after = crm.whole_zone()
    if is_first_night:
        assert "raw_crm__customers" not in after
        assert not any(after.values()), "bookkeeping of a batch that was rolled back"
        crm.people("9,Ed,1970-01-01,x\n9,Ed\n")
    else:
        assert after == before
    crm.ingest()
    assert crm.numbers() == ["1", "9"]


def test_the_accounting_error_carries_counts_only(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says table and numbers, and names nobody (S67)."""
    crm.people("1,Lovelace,1980-01-01,x\n")
    lose_a_row(monkeypatch)
    with pytest.raises(AccountingMismatch) as caught:
        ingest(crm.context())
    assert str(caught.value) == (
        "crm.customers: 1 rows in, 0 loaded and 0 quarantined; the batch was rolled back and nothing was changed"
    )


def test_a_source_is_taken_in_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    """The table that fails last takes the others of its source back with it (S68)."""
    tables = {name: shipped_tables()[name] for name in ("customers", "objections")}
    crm = Crm(tmp_path, tables)
    generate(crm.folder, customers=20)
    crm.deliver("objection_id,customer_id\nO1,C100000\n", "objections.csv")
    with pytest.raises(SourceColumnMissing, match=r"objections\.csv has no column 'scope'"):
        ingest(crm.context())
    zone = crm.whole_zone()
    assert "raw_crm__customers" not in zone
    assert not any(zone.values())


def test_a_generated_crm_is_accounted_for_to_the_row(tmp_path: Path) -> None:
    """All six files of the shipped mapping: rows in are the rows of the files, table by table (S68)."""
    crm = Crm(tmp_path, shipped_tables())
    written = generate(crm.folder, customers=300)
    tables = crm.ingest()
    assert {f"{name}.csv": table["rows_in"] for name, table in tables.items()} == written
    for name, table in tables.items():
        assert crm.column(f"select count(*) from restricted.raw_crm__{name}") == [
            table["loaded"] - table["redelivered"]
        ]
    assert tables["customers"]["reasons"].keys() == {"impossible_date", "not_a_number", "wrong_number_of_columns"}
    assert crm.last["requests_arrived"] == tables["objections"]["loaded"] + tables["privacy_requests"]["loaded"]


@pytest.mark.bank_crm
@pytest.mark.slow
def test_the_banks_crm_is_accounted_for_to_the_row(tmp_path: Path) -> None:
    """Half a million real-world rows: none is lost, five birth dates are impossible, 394 events came twice (S68)."""
    crm = Crm(tmp_path, shipped_tables())
    crm.location["folder"] = str(Path(__file__).resolve().parents[3] / "shared" / "data" / "bank_crm")
    tables = crm.ingest()
    for name, table in tables.items():
        with (Path(crm.location["folder"]) / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert table["rows_in"] == sum(1 for _ in csv.reader(file)) - 1
    assert tables["customers"]["reasons"] == {"impossible_date": 5}
    assert tables["consent_events"]["redelivered"] == 394
    assert sum(table["quarantined"] for table in tables.values()) == 5


def test_a_second_run_of_the_same_night_reports_the_whole_night(crm: Crm) -> None:
    """A night that was broken off and begun again reports the sum of its batches (S68)."""
    crm.people("1,Ada,1980-01-01,x\n")
    crm.ingest()
    crm.people("2,Bo,1990-02-02,x\n3,Cy\n", "customers_2026-11-21.csv")
    counts = crm.ingest()
    assert (counts["files"], counts["rows_in"], counts["loaded"], counts["quarantined"]) == (2, 3, 2, 1)
    assert crm.column("select batch_id from restricted.batches order by all") == [
        "crm-20261120T235959Z-1",
        "crm-20261120T235959Z-2",
    ]


def test_progress_tells_every_row(crm: Crm) -> None:
    """Whoever waits is told of every row that was judged (S57)."""
    crm.people(MIXED)
    told: list[tuple[str, int]] = []
    ingest(crm.context(), progress=lambda table, rows: told.append((table, rows)))
    assert {table for table, _ in told} == {"customers"}
    assert sum(rows for _, rows in told) == 5
