"""A value that cannot be what its column says is kept out of the marts, and kept: with reason, column and batch."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.crm_files import AS_OF, Crm, csv_text

READINGS: dict[str, Any] = {
    "from": "readings",
    "key": ["customer_id_crm"],
    "columns": {
        "customer_id_crm": {"from": "id", "required": True},
        "birth_date": {"from": "day", "type": "date"},
        "updated_at": {"from": "instant", "type": "timestamp"},
        "credit_score": {"from": "whole", "type": "integer"},
        "balance_eur": {"from": "amount", "type": "decimal"},
        "has_housing_loan": {"from": "truth", "type": "boolean"},
    },
}
COLUMN_OF = {
    "birth_date": "day",
    "updated_at": "instant",
    "credit_score": "whole",
    "balance_eur": "amount",
    "has_housing_loan": "truth",
}


def taken_in(folder: Path, ours: str, texts: list[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Deliver texts in one column; return what became of them, by text: the value, or the reason against it."""
    crm = Crm(folder, {"readings": READINGS})
    theirs = COLUMN_OF[ours]
    rows = [{"id": f"C{number}", theirs: text} for number, text in enumerate(texts)]
    crm.deliver(csv_text(rows, ["id", *COLUMN_OF.values()]), "readings.csv")
    counts = crm.ingest()
    assert counts["rows_in"] == len(texts)
    loaded = dict(crm.rows(f"select customer_id_crm, {ours} from restricted.raw_crm__readings"))
    refused = {
        json.loads(record)["id"]: (reason, columns, json.loads(record)[theirs])
        for record, reason, columns in crm.rows("select record, reason, column_names from restricted.quarantine")
    }
    values = {texts[int(key[1:])]: value for key, value in loaded.items()}
    reasons = {}
    for key, (reason, columns, text) in refused.items():
        assert columns == ours
        assert text == texts[int(key[1:])], "the record in quarantine is not the one delivered"
        reasons[text] = reason
    return values, reasons


def test_impossible_days_are_quarantined(tmp_path: Path) -> None:
    """A day that no calendar has is kept out as impossible_date; a leap day is a day (S01)."""
    bad = ["2031-02-29", "2026-13-45", "2026-00-10", "2026-04-31", "0000-00-00", "01.02.2026", "20260102"]
    odd = [
        "2026-01-05xyz",
        "infinity",
        "-infinity",
        "epoch",
        "today",
        "2026-01-05 (BC)",
        "0044-03-15",
        "12026-01-01",
        "n/a",
    ]
    good = [
        "2032-02-29",
        "2026-1-5",
        "2026/01/05",
        " 2026-01-05 ",
        "2026-01-05T23:30:00-05:00",
        "1000-01-01",
        "9999-12-31",
    ]
    values, reasons = taken_in(tmp_path, "birth_date", bad + odd + good)
    assert reasons == dict.fromkeys(bad + odd, "impossible_date")
    assert [str(values[text]) for text in good] == ["2032-02-29"] + ["2026-01-05"] * 4 + ["1000-01-01", "9999-12-31"]


def test_instants_in_five_offsets_become_utc(tmp_path: Path) -> None:
    """The same instant written in five offsets is one instant; without an offset it is UTC (S63)."""
    same = [
        "2026-11-20T12:00:00Z",
        "2026-11-20T13:00:00+01:00",
        "2026-11-20T07:00:00-05:00",
        "2026-11-20T17:30:00+05:30",
        "2026-11-20 22:00:00+1000",
        "2026-11-20 12:00",
        " 2026-11-20T12:00:00 ",
        "2026-11-20T12:00:00.000000000Z",
        "2026-11-20 12:00:00 UTC",
    ]
    values, reasons = taken_in(tmp_path, "updated_at", [*same, "2026-11-20", "2026-11-21T00:30:00+01:00"])
    assert reasons == {}
    assert {values[text] for text in same} == {datetime(2026, 11, 20, 12)}
    assert values["2026-11-20"] == datetime(2026, 11, 20)
    assert values["2026-11-21T00:30:00+01:00"] == datetime(2026, 11, 20, 23, 30)


def test_a_named_zone_does_not_move_the_rows_behind_it(tmp_path: Path) -> None:
    """`Europe/Oslo` in one row must not turn the next rows without an offset into Oslo's time (S63)."""
    texts = ["2026-11-20T13:00:00 Europe/Oslo", "2026-11-20T12:00:00", "2026-11-20 07:00 PST", "2026-11-20"]
    values, reasons = taken_in(tmp_path, "updated_at", texts)
    assert reasons == dict.fromkeys([texts[0], texts[2]], "impossible_date")
    assert values == {texts[1]: datetime(2026, 11, 20, 12), texts[3]: datetime(2026, 11, 20)}


def test_impossible_instants_are_quarantined(tmp_path: Path) -> None:
    """No hour 99, no offset of 25 hours, no infinity: none of them may become the newest version (S01)."""
    bad = [
        "2026-13-45T99:00:00Z",
        "2026-11-20T25:00:00Z",
        "2031-02-29T00:00:00Z",
        "2026-11-20T12:00:00+25:00",
        "2026-11-20T12:00:00 Nowhere/City",
        "infinity",
        "epoch",
        "now",
        "1763640000",
        "2026-11-20T12:00:00Zjunk1",
        "yesterday",
    ]
    values, reasons = taken_in(tmp_path, "updated_at", bad)
    assert (values, reasons) == ({}, dict.fromkeys(bad, "impossible_date"))


def test_a_whole_number_is_never_rounded(tmp_path: Path) -> None:
    """12.7 is not an integer, nor is 1e3; nothing is guessed (S01)."""
    bad = ["12.7", "12.0", "1e3", "0x10", "1_000", "twelve", "1 2", "１２", "99999999999999999999", "NaN", "--1"]
    good = {"12": 12, "-1": -1, "+7": 7, " 5 ": 5, "007": 7, "": None, "  ": None}
    values, reasons = taken_in(tmp_path, "credit_score", [*bad, *good])
    assert reasons == dict.fromkeys(bad, "not_a_number")
    assert values == good


def test_an_amount_is_a_finite_number(tmp_path: Path) -> None:
    """NaN, infinity, decimal commas and amounts too large are kept out; cents are exact (S01)."""
    bad = ["NaN", "nan", "inf", "-Infinity", "1,5", "1.234,56", "1e400", "100000000000000", "€5", "5 EUR", "1.2.3"]
    good = {
        "0.1": Decimal("0.1000"),
        "-19.99": Decimal("-19.9900"),
        "1e3": Decimal(1000),
        "99999999999999.9999": Decimal("99999999999999.9999"),
        "0.30000000000000004": Decimal("0.3000"),
        "": None,
    }
    values, reasons = taken_in(tmp_path, "balance_eur", [*bad, *good])
    assert reasons == dict.fromkeys(bad, "not_a_number")
    assert values == good


def test_yes_and_no_in_a_few_spellings(tmp_path: Path) -> None:
    """Only what clearly says yes or no is taken for it: `ja` is neither (S01)."""
    good = {"yes": True, "Y": True, "TRUE": True, "t": True, "1": True, " no ": False, "F": False, "0": False, "": None}
    bad = ["ja", "nein", "2", "yes!", "null", "-", "tru"]
    values, reasons = taken_in(tmp_path, "has_housing_loan", [*good, *bad])
    assert reasons == dict.fromkeys(bad, "not_yes_or_no")
    assert values == good


def test_a_birth_after_the_night_or_before_1900_is_out_of_range(tmp_path: Path) -> None:
    """Nobody is born after the night's day or before 1900; the day itself and 1900-01-01 are possible (S01)."""
    crm = Crm(tmp_path)
    crm.people("1,A,1899-12-31,\n2,B,1900-01-01,\n3,C,2026-11-20,\n4,D,2026-11-21,\n5,E,,\n")
    assert crm.ingest(AS_OF)["reasons"] == {"date_out_of_range": 2}
    assert crm.numbers() == ["2", "3", "5"]
    assert crm.quarantined() == [(2, "date_out_of_range", "birth_date"), (5, "date_out_of_range", "birth_date")]


def test_an_instant_on_the_last_permitted_day_is_in_range(tmp_path: Path) -> None:
    """Bounds are days: any hour of the night's day is not after it (S01)."""
    crm = Crm(tmp_path, {"readings": READINGS})
    crm.tables["readings"]["columns"]["updated_at"] |= {"not_after": "as_of", "not_before": "2026-11-20"}
    instants = ["2026-11-19T23:59:59Z", "2026-11-20T00:00:00Z", "2026-11-20T23:59:00Z", "2026-11-21T00:00:00Z"]
    rows = [{"id": f"C{number}", "instant": instant} for number, instant in enumerate(instants)]
    crm.deliver(csv_text(rows, ["id", *COLUMN_OF.values()]), "readings.csv")
    assert crm.ingest()["reasons"] == {"date_out_of_range": 2}
    assert crm.column("select customer_id_crm from restricted.raw_crm__readings order by all") == ["C1", "C2"]


@pytest.mark.parametrize("number", ["", "   ", "\t", "\u00a0", "\u2003 \u200a", "\x1f"])
def test_a_row_of_nobody_is_quarantined(tmp_path: Path, number: str) -> None:
    """A customer number of blanks, of whatever kind, names nobody: such a row could never be erased (S62)."""
    crm = Crm(tmp_path)
    crm.people(f'"{number}",Ghost,1980-01-01,\n2,Bo,1990-02-02,\n')
    assert crm.ingest()["reasons"] == {"missing_value": 1}
    assert crm.numbers() == ["2"]
    assert crm.quarantined() == [(2, "missing_value", "customer_id_crm")]


def test_every_fault_of_a_row_is_named_and_the_first_one_counted(tmp_path: Path) -> None:
    """A row with several faults is one quarantined row that names all its columns at fault (S68)."""
    crm = Crm(tmp_path, {"readings": READINGS})
    crm.deliver("id,day,instant,whole,amount,truth\nC1,soon,2026-11-20,12.7,NaN,ja\n", "readings.csv")
    counts = crm.ingest()
    assert counts["reasons"] == {"impossible_date": 1}
    assert crm.quarantined() == [(2, "impossible_date", "birth_date,credit_score,balance_eur,has_housing_loan")]


def test_quarantine_keeps_the_record_as_delivered_with_batch_and_origin(tmp_path: Path) -> None:
    """What is in quarantine says which file, line, batch and night it came from, and every value of it (S68)."""
    crm = Crm(tmp_path)
    crm.people('1,"Ada ""Countess"" Løvelace",2026-13-45,"two\nlines, and "\n', "customers_2026-11-20.csv")
    crm.ingest()
    found = crm.rows(
        "select source, table_name, origin, line, reason, column_names, batch_id, cast(quarantined_at as varchar),"
        " record, subject_id is not null from restricted.quarantine"
    )
    record = {"id": "1", "name": 'Ada "Countess" Løvelace', "born": "2026-13-45", "notes": "two\nlines, and "}
    assert [(*row[:8], json.loads(row[8]), row[9]) for row in found] == [
        (
            "crm",
            "customers",
            "customers_2026-11-20.csv",
            2,
            "impossible_date",
            "birth_date",
            "crm-20261120T235959Z-1",
            "2026-11-20 23:59:59",
            record,
            True,
        )
    ]
    assert crm.column("select batch_id from restricted.batches") == ["crm-20261120T235959Z-1"]


def test_a_column_may_be_called_like_a_word_of_sql(tmp_path: Path) -> None:
    """Names of columns are names, whatever they mean to SQL (S01)."""
    tables = {
        "order": {
            "from": "select",
            "key": ["group"],
            "subject": "group",
            "watermark": "desc",
            "columns": {"group": {"from": "table", "required": True}, "desc": {"from": "from", "type": "timestamp"}},
        }
    }
    crm = Crm(tmp_path, tables)
    insensitive = {"category": "system.operations", "role": "insensitive"}
    crm.attributes |= {"group": insensitive, "desc": insensitive}
    crm.deliver("table,from\nC1,2026-11-20\nC2,never\n", "select.csv")
    assert crm.ingest()["reasons"] == {"impossible_date": 1}
    assert crm.rows('select "group", "desc" from restricted.raw_crm__order') == [("C1", datetime(2026, 11, 20))]
