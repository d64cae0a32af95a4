"""Somebody who was erased does not come back with tomorrow's extract, not even into quarantine."""

from datetime import timedelta
from pathlib import Path

import pytest

from support.crm_files import AS_OF, Crm
from trustmart.identity import derive_key, subject_id
from trustmart.pipeline.requests import receive_request

TOMORROW = AS_OF + timedelta(days=1)
ADA = ("Lovelace", "1980-01-01", "likes-looms")


def erase(crm: Crm, *customers: str) -> None:
    """Have these customers erased, as somebody at the counter would."""
    for customer in customers:
        receive_request(crm.context(), kind="erasure", customer_id=customer, source="crm")
    crm.forget()


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    """A CRM that held C-1 and C-2, of whom C-1 was erased."""
    crm = Crm(tmp_path)
    crm.people("C-1,Lovelace,1980-01-01,likes-looms\nC-2,Bo,1990-02-02,x\n")
    crm.ingest()
    erase(crm, "C-1")
    return crm


def traces(crm: Crm, *values: str) -> list[str]:
    """Return the tables of the zone in which one of the values stands."""
    values = (*values, crm_subject(crm, "C-1"))
    return [name for name, rows in crm.whole_zone().items() if any(value in row for row in rows for value in values)]


def crm_subject(crm: Crm, customer: str) -> str:
    """Return the subject id of a customer."""
    return subject_id("crm", customer, key=derive_key(crm.context().settings.secret_key, "subject_id"))


def test_an_erased_customer_is_gone(crm: Crm) -> None:
    """After forgetting, no table of the zone holds a value of the customer (S62)."""
    assert crm.numbers() == ["C-2"]
    assert traces(crm, *ADA, "C-1") == []


@pytest.mark.parametrize(
    "row",
    [
        "C-1,Lovelace,1980-01-01,likes-looms",
        " C-1 ,Lovelace,1981-01-01,likes-looms",
        "C-1,Lovelace,never,likes-looms",
        "C-1,Lovelace,1899-01-01,likes-looms",
    ],
    ids=["as before", "changed, with blanks", "with an impossible date", "out of range"],
)
def test_an_erased_customer_delivered_again_is_counted_and_not_kept(crm: Crm, row: str) -> None:
    """The row counts as quarantined (erased_subject), and no byte of it is found in any table (S62)."""
    crm.people(f"{row}\nC-3,Cy,1970-03-03,x\n", "customers_2026-11-21.csv")
    counts = crm.ingest(TOMORROW)
    assert (counts["rows_in"], counts["loaded"], counts["reasons"]) == (2, 1, {"erased_subject": 1})
    assert crm.numbers() == ["C-2", "C-3"]
    assert traces(crm, *ADA, "C-1") == []


@pytest.mark.parametrize(
    "record",
    [
        b"C-1,Lovelace,1980-01-01",
        b"C-1,Lovelace,1980-01-01,likes-looms,and more",
        b'C-1,"Lovelace,1980-01-01,likes-looms',
        b'"C-1","Love"lace,1980-01-01,likes-looms',
        b"C-1,L\xf8velace,1980-01-01,likes-looms",
        b"Lovelace,C-1",
        b" C-1 ,Lovelace",
        b"likes-looms of C-1 (Lovelace)",
    ],
    ids=["short", "long", "open quote", "torn quote", "wrong encoding", "shifted", "blanks", "in a sentence"],
)
def test_an_unreadable_record_of_an_erased_customer_is_not_kept_either(crm: Crm, record: bytes) -> None:
    """A record too broken to have columns is searched for erased customers before it is kept as text (S62)."""
    crm.deliver(b"id,name,born,notes\n" + record + b"\nC-3,Cy,1970-03-03,x\nC-10,Short\n", "customers_2026-11-21.csv")
    counts = crm.ingest(TOMORROW)
    assert (counts["rows_in"], counts["loaded"]) == (3, 1)
    assert counts["reasons"] == {"erased_subject": 1, "wrong_number_of_columns": 1}
    assert traces(crm, "Lovelace", "velace", "likes-looms") == []
    assert crm.column("select record from restricted.quarantine") == ["C-10,Short"]


def test_an_unreadable_record_in_quarantine_is_erased_with_its_person(tmp_path: Path) -> None:
    """Records without columns name nobody, so erasure looks for the customer's number in their text (S62)."""
    crm = Crm(tmp_path)
    crm.people('C-1,Lovelace\nC-10,Ten\n"C-1","Love"lace,1980-01-01,likes-looms\nC-1,Lovelace,never,likes-looms\n')
    crm.ingest()
    assert len(crm.quarantined()) == 4
    erase(crm, "C-1")
    assert crm.column("select record from restricted.quarantine") == ["C-10,Ten"]
    assert traces(crm, "Lovelace", "likes-looms") == []


def test_a_tombstone_is_no_name(crm: Crm) -> None:
    """What remembers the erased is a keyed digest, neither the number nor the subject id (S62)."""
    ((kind, digest),) = crm.rows("select kind, digest from restricted.tombstones")
    assert kind == "customer"
    assert digest != crm_subject(crm, "C-1")
    assert len(digest) == 32


def test_an_erased_customer_of_one_source_is_not_that_of_another(crm: Crm) -> None:
    """A tombstone belongs to its source: the same number elsewhere is somebody else (S62)."""
    from trustmart.pipeline.people import People
    from trustmart.sources import Unreadable

    bad = (Unreadable(line=1, reason="broken_quoting", text="C-1,somebody"),)
    with crm.context().warehouse.session(writes="restricted") as session:
        ours, theirs = (People(session, name, key=crm.context().settings.secret_key) for name in ("crm", "shop"))
        assert ours.without_erased(bad)[0].text == ""
        assert theirs.without_erased(bad) == bad


def test_the_ledger_and_reports_of_an_erasure_name_nobody(crm: Crm) -> None:
    """Files written beside the zone hold counts only (S67)."""
    crm.people("C-1,Lovelace,1980-01-01,likes-looms\nC-1,Lovelace\n", "customers_2026-11-21.csv")
    crm.ingest(TOMORROW)
    written = [path for path in (crm.home / "data").rglob("*") if path.is_file() and path.suffix in (".json", ".jsonl")]
    assert {path.name for path in written} >= {"ingest.json", "forget.json", "ledger.jsonl"}
    for path in written:
        text = path.read_text()
        assert not [value for value in (*ADA, "C-1", crm_subject(crm, "C-1")) if value in text]
