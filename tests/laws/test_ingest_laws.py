"""What must hold of the intake whatever a CRM sends."""

import csv
import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.crm_files import AS_OF, Crm
from trustmart.identity import normalize_email
from trustmart.policy import Location, Table
from trustmart.sources import Unreadable, conformed, csv_files

WIDTH = 4
COLUMNS = ("id", "name", "born", "notes")
LOCATION = Location(kind="csv", folder=".")

# Any text that UTF-8 can hold, with what CSV stumbles over more often than chance would have it.
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
nasty = st.text(st.sampled_from("\",\n\r;' \0\x1e\x1f\x85\u2028aé名0"), max_size=12)
values = nasty | anything
plain = st.text(st.sampled_from("abcé名 ;'"), min_size=1, max_size=6)


def records_of(texts: st.SearchStrategy[str], *, most: int = 12) -> st.SearchStrategy[list[list[str]]]:
    """Draw records of four values; the first is a number of its own, so that each can be looked for."""
    rows = st.lists(st.tuples(texts, texts, texts), max_size=most)
    return rows.map(lambda rows: [[f"id{number:04}", *row] for number, row in enumerate(rows)])


def line_of(record: list[str], end: str = "\n") -> str:
    """Write one record as CSV."""
    text = io.StringIO()
    csv.writer(text).writerow(record)  # with another line end than \r\n, Python 3.11 leaves \r without quotes
    return text.getvalue().removesuffix("\r\n") + end


def read(content: bytes | str) -> tuple[list[tuple[int, list[str]]], list[Unreadable]]:
    """Return what the reader makes of a file with our header: records with their lines, and what is unreadable."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        header = ",".join(COLUMNS) + "\n"
        path.write_bytes(header.encode() + (content.encode() if isinstance(content, str) else content))
        pages = list(csv_files.pages(path, LOCATION, COLUMNS))
    records: list[tuple[int, list[str]]] = []
    for page in pages:
        columns = [page.records[name].to_pylist() for name in COLUMNS]
        lines = page.records["_line"].to_pylist()
        records += [(line, list(row)) for line, row in zip(lines, zip(*columns, strict=True), strict=True)]
    return records, [bad for page in pages for bad in page.unreadable]


@given(records=records_of(values), end=st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150)
def test_what_a_csv_writer_wrote_is_read_back(records: list[list[str]], end: str) -> None:
    """Any text in any value survives: quotes, commas, line ends, NUL, every script (S01)."""
    found, unreadable = read("".join(line_of(record, end) for record in records))
    assert [record for _, record in found] == records
    assert unreadable == []


@st.composite
def damaged_files(draw: st.DrawFn) -> tuple[list[list[str]], set[int], bytes]:
    """Draw records, damage some of them anywhere, and return records, which are damaged, and the file."""
    records = draw(records_of(values))
    lines = [line_of(record).encode() for record in records]
    hurt = draw(st.sets(st.integers(0, len(lines) - 1), max_size=3)) if lines else set()
    for number in hurt:
        line = bytearray(lines[number][:-1])
        for _ in range(draw(st.integers(1, 3))):
            place = draw(st.integers(0, len(line)))
            what = draw(st.sampled_from(["delete", b'"', b",", b"\n", b"\xff", b"\r", b'""', b'",', b'\n"']))
            line[place : place + 1 if what == "delete" else place] = b"" if what == "delete" else what
        lines[number] = bytes(line) + b"\n"
    content = b"".join(lines)
    if lines and draw(st.booleans()):
        content = content[: len(content) - draw(st.integers(0, len(lines[-1])))]
        hurt = hurt | {len(lines) - 1}
    return records, hurt, content


@given(damaged_files())
@settings(max_examples=150)
def test_no_record_vanishes_from_a_damaged_file(drawn: tuple[list[list[str]], set[int], bytes]) -> None:
    """However a file is damaged, every record is loaded, or its text is kept with what is unreadable (S68)."""
    records, hurt, content = drawn
    found, unreadable = read(content)
    kept = "\n".join(bad.text for bad in unreadable) + "\n".join(value for _, row in found for value in row)
    for number, record in enumerate(records):
        assert number in hurt or record[0] in kept
    lines = sorted([line for line, _ in found] + [bad.line for bad in unreadable])
    assert len(set(lines)) == len(lines), "a line was read twice"
    assert all(line >= 2 for line in lines)


@given(damaged_files())
@settings(max_examples=150)
def test_what_stands_before_the_damage_is_not_touched(drawn: tuple[list[list[str]], set[int], bytes]) -> None:
    """Every record in front of the first damaged one loads as it was written (S01)."""
    records, hurt, content = drawn
    sound = records[: min(hurt)] if hurt else records
    found, _ = read(content)
    assert [record for _, record in found][: len(sound)] == sound


@st.composite
def one_torn_line(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> tuple[list[list[str]], int, bytes]:
    """Draw records, and replace one of them by a line of junk with quotes and commas anywhere."""
    records = draw(records_of(texts, most=20).filter(bool))
    torn = draw(st.integers(0, len(records) - 1))
    junk = draw(st.text(st.sampled_from('",a é'), min_size=1, max_size=20)).encode()
    lines = [line_of(record).encode() for record in records]
    lines[torn] = b"torn," + junk + draw(st.sampled_from([b"", b"\xff"])) + b"\n"
    return records, torn, b"".join(lines)


@given(one_torn_line(plain))
@settings(max_examples=100)
@example(([["id0", "a", "a", "a"], ["id1", "b", "b", "b"]], 0, b'torn,"\nid1,b,b,b\n'))
def test_a_torn_line_costs_no_other_record(drawn: tuple[list[list[str]], int, bytes]) -> None:
    """Among records without quotes, one torn line is the only one that may not load (S01)."""
    records, torn, content = drawn
    found, unreadable = read(content)
    loaded = [record for _, record in found if record[0] != "torn"]
    assert loaded == records[:torn] + records[torn + 1 :]
    assert len(found) + len(unreadable) == len(records)


@given(one_torn_line(values))
@settings(max_examples=150)
def test_behind_a_torn_line_that_is_noticed_everything_loads(drawn: tuple[list[list[str]], int, bytes]) -> None:
    """Where a line is found to be torn, reading begins again right behind it: whatever follows loads (S01)."""
    records, torn, content = drawn
    found, unreadable = read(content)
    noticed = [bad for bad in unreadable if bad.text.startswith("torn,") and "\n" not in bad.text]
    if noticed or any(record[0] == "torn" and "\n" not in "".join(record) for _, record in found):
        assert [record for _, record in found if record[0] != "torn"] == records[:torn] + records[torn + 1 :]


@contextmanager
def fresh_crm() -> Iterator[Crm]:
    """A CRM of its own for one example."""
    with tempfile.TemporaryDirectory() as folder:
        yield Crm(Path(folder))


@given(damaged_files())
@settings(max_examples=12)
def test_rows_in_are_rows_loaded_and_rows_quarantined(drawn: tuple[list[list[str]], set[int], bytes]) -> None:
    """Of any damaged file, every record that was read is loaded once or quarantined, and counted (S68)."""
    _, _, content = drawn
    found, unreadable = read(content)
    with fresh_crm() as crm:
        crm.tables["customers"]["columns"]["birth_date"] = {"from": "born"}
        crm.deliver((",".join(COLUMNS) + "\n").encode() + content)
        counts = crm.ingest()  # checks rows_in == loaded + quarantined
        in_raw = crm.people_loaded()
    assert counts["rows_in"] == len(found) + len(unreadable)
    named = [tuple(record) for _, record in found if record[0].strip()]
    blank_is_null = {tuple(value or None for value in record) for record in named}
    assert set(in_raw) == blank_is_null
    assert counts["loaded"] == len(named)
    assert len(in_raw) == counts["loaded"] - counts["redelivered"] == len(set(named))


people = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["x", "", " ", "\x1f", "y,z"])), max_size=8)


@given(nights=st.lists(people, min_size=1, max_size=3))
@settings(max_examples=10)
def test_deliveries_may_overlap_in_any_way(nights: list[list[tuple[str, str]]]) -> None:
    """However rows are spread, repeated and shuffled over files and nights, raw holds each record once (S01)."""
    with fresh_crm() as crm:
        seen: set[tuple[str, str]] = set()
        for number, rows in enumerate(nights):
            lines = "".join(line_of([number_, "N", "", notes]) for number_, notes in rows)
            crm.people(lines, f"customers_{number}.csv")
            counts = crm.ingest(AS_OF + timedelta(days=number))
            if counts:
                assert (counts["rows_in"], counts["loaded"]) == (len(rows), len(rows))
                assert counts["loaded"] - counts["redelivered"] == len(set(rows) - seen)
            seen |= set(rows)
        in_raw = crm.rows("select customer_id_crm, coalesce(notes, '') from restricted.raw_crm__customers")
    assert sorted(in_raw) == sorted(seen)


def judged(table: dict[str, Any], rows: list[tuple[str | None, ...]], select: str) -> list[tuple[Any, ...]]:
    """Return what the conforming query says of rows of text, in their order."""
    model = Table.model_validate(table)
    columns = tuple(column.source_name for column in model.columns.values())
    arrays = [pa.array(texts, pa.string()) for texts in zip(*rows, strict=True)]
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("page", pa.table([*arrays, pa.array(range(len(rows)))], names=[*columns, "_line"]))
        query = conformed(model, columns, as_of=AS_OF)
        return connection.execute(f"select {select} from ({query}) order by _line").fetchall()


THREE = {
    "from": "t",
    "key": ["a"],
    "subject": "a",
    "columns": {name: {"from": name, "required": name == "a"} for name in "abc"},
}
parts = st.none() | st.text(st.sampled_from('\x1e\x1f",[]\\nul 0a'), max_size=4)


@given(rows=st.lists(st.tuples(parts, parts, parts), min_size=1, max_size=30))
@settings(max_examples=30)
@example(rows=[("a\x1fb", "", "c"), ("a", "", "b\x1fc"), (None, "\x1e", ""), ("\x1e", None, "")])
def test_two_records_have_one_digest_only_if_they_are_one(rows: list[tuple[str | None, ...]]) -> None:
    """Known rows are found by digest: no choice of values makes two different records look the same (S68)."""
    digests = [digest for (digest,) in judged(THREE, rows, "_digest")]
    assert len(set(zip(rows, digests, strict=True))) == len(set(rows)) == len(set(digests))


DATES = {
    "from": "t",
    "key": ["a"],
    "subject": "a",
    "columns": {
        "a": {"from": "a", "required": True},
        "d": {"from": "d", "type": "date"},
        "t": {"from": "t", "type": "timestamp"},
    },
}
offsets = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1), timezones=offsets)


@given(moments=st.lists(instants, min_size=1, max_size=30), separator=st.sampled_from("T "))
@settings(max_examples=25)
def test_every_instant_with_an_offset_becomes_the_same_instant_in_utc(moments: list[datetime], separator: str) -> None:
    """Python and SQL read any instant in any offset alike (S63)."""
    rows = [("x", None, moment.isoformat(separator)) for moment in moments]
    found = judged(DATES, rows, "t, _faults")
    assert found == [(moment.astimezone(UTC).replace(tzinfo=None), "") for moment in moments]


days = st.dates(date(1000, 1, 1)).map(date.isoformat)
almost_days = st.tuples(st.integers(0, 2500), st.integers(0, 14), st.integers(0, 33)).map(
    "{0[0]:04}-{0[1]:02}-{0[2]:02}".format
)
day_texts = days | almost_days | nasty | st.text(st.sampled_from("0123456789-/T:Z+ "), max_size=12)


def as_day(text: str) -> date | None:
    """Read a day the slow and obvious way; None where it is none."""
    match = re.fullmatch(r" *([1-9]\d{3})-(\d{2})-(\d{2}) *", text, re.ASCII)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


@given(texts=st.lists(days | almost_days, min_size=1, max_size=40))
@settings(max_examples=25)
def test_a_day_is_read_as_the_calendar_has_it(texts: list[str]) -> None:
    """Python and SQL agree on which days exist (S01)."""
    found = judged(DATES, [("x", text, None) for text in texts], "d, _faults")
    assert found == [(as_day(text), "" if as_day(text) else "impossible_date:d") for text in texts]


@given(texts=st.lists(day_texts, min_size=1, max_size=40))
@settings(max_examples=30)
def test_any_text_is_a_value_or_a_fault(texts: list[str]) -> None:
    """In a column of days or instants nothing is silently dropped: blank, a value that Python can hold, or a fault (S68)."""
    for kind in ("d", "t"):
        rows = [("x", text, None) if kind == "d" else ("x", None, text) for text in texts]
        for text, (value, faults) in zip(texts, judged(DATES, rows, f"{kind}, _faults"), strict=True):
            assert (value is not None) + (faults == f"impossible_date:{kind}") + (text.strip(" ") == "") == 1
            assert value is None or 1000 <= value.year <= 9999


@given(
    text=values
    | st.tuples(values, values).map("@".join)
    | st.text(st.sampled_from('a.@[]xn--é名 "()<>1:'), max_size=20)
)
@settings(max_examples=150)
def test_any_text_in_a_mail_column_is_an_address_or_none(text: str) -> None:
    """No text breaks the intake of addresses, and a usable one has one form only (S01)."""
    usable = normalize_email(text)
    assert usable is None or (usable.count("@") >= 1 and normalize_email(usable) == usable)
