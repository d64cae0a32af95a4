"""The same CRM as Parquet is the same CRM."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.crm_files import Crm, shipped_tables
from trustmart.errors import SourceColumnMissing, SourceUnreadable
from trustmart.sources import parquet_files
from trustmart.sources.synthetic import generate

ALL = ["customers", "transactions", "interactions", "consent_events", "objections", "privacy_requests"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """One generated CRM, taken in once from CSV and once from Parquet."""
    crms = {}
    for kind in ("csv", "parquet"):
        crm = Crm(tmp_path_factory.mktemp(kind), shipped_tables())
        crm.location["kind"] = kind
        generate(crm.folder, customers=400, file_format=kind)
        crm.ingest()
        crms[kind] = crm
    return SimpleNamespace(**crms)


@pytest.mark.parametrize("table", ALL)
def test_raw_is_the_same_from_parquet_and_from_csv(both: SimpleNamespace, table: str) -> None:
    """Every column of every row is the same, whichever format it came in (S01)."""
    columns = [*shipped_tables()[table]["columns"], "subject_id"]
    if table == "customers":
        columns += ["email_normalized", "email_mailbox"]
    statement = f"select {', '.join(columns)} from restricted.raw_crm__{table} order by all"
    from_csv, from_parquet = both.csv.rows(statement), both.parquet.rows(statement)
    assert len(from_csv) > 0
    assert from_parquet == from_csv


def test_only_what_csv_alone_can_break_is_quarantined_more(both: SimpleNamespace) -> None:
    """Short rows, and texts where numbers belong, cannot be written to Parquet; the rest is quarantined alike (S68)."""
    csv, parquet = Crm.tables_of(both.csv.last), Crm.tables_of(both.parquet.last)
    for table in ALL:
        unreadable = csv[table]["rows_in"] - parquet[table]["rows_in"]
        assert csv[table]["quarantined"] - parquet[table]["quarantined"] == unreadable
        assert csv[table]["loaded"] == parquet[table]["loaded"]
    statement = (
        "select record ->> 'customer_id', column_names from restricted.quarantine where reason = 'impossible_date'"
    )
    births = [row for row in both.parquet.rows(statement) if row[1] == "birth_date"]
    assert births
    assert set(births) <= set(both.csv.rows(statement))


PEOPLE: dict[str, Any] = {
    "from": "people",
    "key": ["customer_id_crm"],
    "columns": {
        "customer_id_crm": {"from": "id", "required": True},
        "birth_date": {"from": "born", "type": "date"},
        "updated_at": {"from": "seen", "type": "timestamp"},
        "credit_score": {"from": "score", "type": "integer"},
        "balance_eur": {"from": "saldo", "type": "decimal"},
        "has_housing_loan": {"from": "loan", "type": "boolean"},
        "notes": {"from": "notes", "optional": True},
    },
}
SOUND = {
    "id": pa.array([1, 2], pa.int64()),
    "born": pa.array([date(1980, 1, 2), None], pa.date32()),
    "seen": pa.array([datetime(2026, 11, 20, 12, tzinfo=UTC)] * 2, pa.timestamp("us", tz="UTC")),
    "score": pa.array([700, None], pa.int32()),
    "saldo": pa.array([Decimal("12.50"), Decimal("-3.00")], pa.decimal128(12, 2)),
    "loan": pa.array([True, None], pa.bool_()),
    "notes": pa.array(["x", ""], pa.string()),
}


def people(folder: Path, **changed: pa.Array) -> Crm:
    """Return a CRM whose people.parquet holds two sound people, some columns exchanged."""
    crm = Crm(folder, {"people": PEOPLE})
    crm.location["kind"] = "parquet"
    pq.write_table(pa.table(SOUND | changed), crm.folder / "people.parquet")
    return crm


def read(crm: Crm, column: str) -> list[Any]:
    """Return a column of raw, in the order of customers."""
    return crm.column(f"select {column} from restricted.raw_crm__people order by customer_id_crm")


def test_typed_columns_are_read_as_what_they_are(tmp_path: Path) -> None:
    """Days, instants, decimals and truths of Parquet come in exactly; nothing and blank are null (S01)."""
    crm = people(tmp_path)
    assert crm.ingest()["loaded"] == 2
    assert crm.rows("select * exclude (subject_id, _row_digest) from restricted.raw_crm__people order by all") == [
        ("1", date(1980, 1, 2), datetime(2026, 11, 20, 12), 700, Decimal("12.5000"), True, "x")
        + ("crm-20261120T235959Z-1", datetime(2026, 11, 20, 23, 59, 59), 1),
        ("2", None, datetime(2026, 11, 20, 12), None, Decimal("-3.0000"), None, None)
        + ("crm-20261120T235959Z-1", datetime(2026, 11, 20, 23, 59, 59), 2),
    ]


@pytest.mark.parametrize(
    ("kind", "hour"),
    [
        (pa.timestamp("ns", tz="UTC"), 12),
        (pa.timestamp("ms", tz="Europe/Oslo"), 12),
        (pa.timestamp("s", tz="-05:00"), 12),
        (pa.timestamp("us"), 12),
        (pa.date32(), 0),
    ],
    ids=str,
)
def test_instants_of_every_unit_and_zone_become_utc(tmp_path: Path, kind: pa.DataType, hour: int) -> None:
    """The instant counts, not the zone it is stored with; a naive one is UTC, a day is its midnight (S63)."""
    value = date(2026, 11, 20) if kind == pa.date32() else datetime(2026, 11, 20, 12, tzinfo=UTC if kind.tz else None)
    crm = people(tmp_path, seen=pa.array([value, value], kind))
    assert crm.ingest()["loaded"] == 2
    assert read(crm, "updated_at") == [datetime(2026, 11, 20, hour)] * 2


def test_numbers_that_pandas_made_floats_are_still_whole(tmp_path: Path) -> None:
    """pandas turns whole numbers beside a gap into floats: 700.0 is 700, 12.7 and NaN are not whole (S01)."""
    crm = people(tmp_path, score=pa.array([700.0, None], pa.float64()), saldo=pa.array([0.1, 1e5], pa.float64()))
    assert crm.ingest()["loaded"] == 2
    assert read(crm, "credit_score") == [700, None]
    assert read(crm, "balance_eur") == [Decimal("0.1000"), Decimal("100000.0000")]
    other = people(tmp_path / "other", score=pa.array([12.7, float("nan")], pa.float64()))
    assert other.ingest()["reasons"] == {"not_a_number": 2}


@pytest.mark.parametrize(
    "notes",
    [
        pa.array(["x", "y"]).dictionary_encode(),
        pa.array(["x", "y"], pa.large_string()),
        pa.array([b"x", b"y"], pa.binary()),
        pa.array([{"a": 1}, {"a": None}]),
        pa.array([["x"], None]),
        pa.array([b"\xff\xfe", b"y"], pa.binary()),
        pa.array([None, None], pa.null()),
    ],
    ids=lambda array: str(array.type)[:20],
)
def test_columns_of_any_type_are_kept_as_text(tmp_path: Path, notes: pa.Array) -> None:
    """What has no plain text form is written down somehow, and never stops the night (S01)."""
    crm = people(tmp_path, notes=notes)
    assert crm.ingest()["loaded"] == 2
    assert len(read(crm, "notes")) == 2


def test_a_new_column_of_a_parquet_file_stays_in_raw(tmp_path: Path) -> None:
    """Drift is the same in every format (S03)."""
    crm = people(tmp_path, pet=pa.array(["cat", None]))
    assert crm.ingest()["new_columns"] == ["unmapped_pet"]


def test_a_missing_column_of_a_parquet_file_is_named(tmp_path: Path) -> None:
    """The error names file, column and mapping (S01)."""
    crm = people(tmp_path)
    pq.write_table(
        pa.table({name: array for name, array in SOUND.items() if name != "born"}), crm.folder / "people.parquet"
    )
    with pytest.raises(SourceColumnMissing, match=r"people\.parquet has no column 'born'.*'birth_date'"):
        crm.ingest()


def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path: Path) -> None:
    """Half a file, or another file, is a clear error (S01)."""
    crm = people(tmp_path)
    path = crm.folder / "people.parquet"
    for content in (b"", b"id,born\n1,1980-01-01\n", path.read_bytes()[:-20]):
        path.write_bytes(content)
        with pytest.raises(SourceUnreadable, match=r"people\.parquet is not a Parquet file, or not a whole one"):
            crm.ingest()


def test_a_damaged_page_is_refused_by_name_and_nothing_is_loaded(tmp_path: Path) -> None:
    """Bytes that rotted in the middle of a file roll the night back, without a value in the error (S68)."""
    crm = people(tmp_path)
    path = crm.folder / "people.parquet"
    many = pa.table({name: pa.concat_arrays([array] * 5_000) for name, array in SOUND.items()})
    many = many.set_column(0, "id", pa.array([f"Lovelace-{n}" for n in range(10_000)]))
    pq.write_table(many, path, compression="gzip", row_group_size=2_000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2_000] = b"\xaa" * 2_000
    path.write_bytes(content)
    with pytest.raises(SourceUnreadable, match=r"people\.parquet is damaged") as caught:
        crm.ingest()
    assert "Lovelace" not in str(caught.value)
    assert "raw_crm__people" not in crm.whole_zone()


def test_pages_number_their_rows_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row's number is its place in the file, whichever page it came in (S68)."""
    monkeypatch.setattr(parquet_files, "PAGE_ROWS", 3)
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table({"id": [str(n) for n in range(8)]}), path, row_group_size=4)
    pages = list(parquet_files.pages(path, ("id",)))
    assert [n for page in pages for n in page.records["_line"].to_pylist()] == list(range(1, 9))
    assert [n for page in pages for n in page.records["id"].to_pylist()] == [str(n) for n in range(8)]
