"""CSV as the world writes it: what can be read is loaded, what cannot costs one record and is kept with its reason."""

import os
import time
from pathlib import Path

import pytest

from support.crm_files import HEADER, Crm
from trustmart.errors import SourceColumnMissing, SourceError, SourceUnreadable
from trustmart.policy import Location
from trustmart.sources import csv_files


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    """A CRM with one table of people: id, name, born, notes."""
    return Crm(tmp_path)


def test_quoted_commas_quotes_and_newlines_are_part_of_the_value(crm: Crm) -> None:
    """RFC 4180 quoting is understood: nothing is split, nothing is lost (S01)."""
    crm.people('1,"Lovelace, Ada",1815-12-10,"she said ""go"","\n2,Bo,1990-02-02,"first\nsecond\r\n\nthird"\n')
    counts = crm.ingest()
    assert counts["reasons"] == {"date_out_of_range": 1}
    assert crm.people_loaded() == [("2", "Bo", "1990-02-02", "first\nsecond\r\n\nthird")]
    assert crm.column("select record ->> 'name' from restricted.quarantine") == ["Lovelace, Ada"]
    assert crm.column("select record ->> 'notes' from restricted.quarantine") == ['she said "go",']


def test_a_byte_order_mark_is_read_over(crm: Crm) -> None:
    """A spreadsheet's BOM does not become part of the first column's name (S01)."""
    crm.deliver("\ufeff".encode() + (HEADER + "1,Ada,1980-01-01,\n").encode())
    assert crm.ingest()["loaded"] == 1
    assert crm.numbers() == ["1"]


def test_delimiter_and_encoding_come_from_the_policy(crm: Crm) -> None:
    """A semicolon file in latin-1 is another line of policy, not another program (S01)."""
    crm.location |= {"delimiter": ";", "encoding": "latin-1"}
    crm.deliver('id;name;born;notes\n1;Bjørn Åse;1980-01-01;"a;b,c"\n'.encode("latin-1"))
    assert crm.ingest()["loaded"] == 1
    assert crm.people_loaded() == [("1", "Bjørn Åse", "1980-01-01", "a;b,c")]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig", "UTF8"])
def test_other_encodings_read_the_same(crm: Crm, encoding: str) -> None:
    """Whatever the export's encoding, the same people come in (S01)."""
    crm.location |= {"encoding": encoding}
    crm.deliver((HEADER + "1,Bjørn,1980-01-01,né\n").encode(encoding))
    assert crm.ingest()["loaded"] == 1
    assert crm.people_loaded() == [("1", "Bjørn", "1980-01-01", "né")]


@pytest.mark.parametrize(
    "torn",
    [
        '2,"Bo,1990-02-02,never closed',
        '2,"Bo"by,1990-02-02,a quote that closes too early',
        '2,Bo,1990-02-02,"""',
        '2,"Bo,1990-02-02,""',
    ],
)
def test_a_torn_quote_in_the_middle_costs_one_record(crm: Crm, torn: str) -> None:
    """The record with the torn quote is quarantined as it stands in the file; all others load (S01)."""
    crm.people(f'1,Ada,1980-01-01,x\n{torn}\n3,"Cy, Jr",1970-03-03,"two\nlines"\n4,Di,1960-04-04,\n5,"Ed",,"y"\n')
    counts = crm.ingest()
    assert crm.numbers() == ["1", "3", "4", "5"]
    assert (counts["rows_in"], counts["loaded"], counts["reasons"]) == (5, 4, {"broken_quoting": 1})
    assert crm.rows("select line, reason, record from restricted.quarantine") == [(3, "broken_quoting", torn)]


def test_a_torn_quote_that_later_quotes_seem_to_close_still_costs_one_record(crm: Crm) -> None:
    """A quote that swallows sound records up to a value beginning with a comma gives them back (S01)."""
    crm.people('1,"torn,1980-01-01,x\n2,Bo,1990-02-02,x\n3,Cy,1970-03-03,", y"\n4,Di,1960-04-04,x\n')
    assert crm.ingest()["rows_in"] == 4
    assert crm.numbers() == ["2", "3", "4"]
    assert crm.quarantined() == [(2, "broken_quoting", None)]


def test_a_long_record_of_many_lines_is_only_cut_where_it_is_broken(crm: Crm) -> None:
    """A short record that spans lines stays one record: its lines are not taken for customers (S01)."""
    crm.people('1,Ada,1980-01-01,x\n2,"Bo\nof\nmany lines"\n3,Cy,1970-03-03,x\n')
    assert crm.ingest()["reasons"] == {"wrong_number_of_columns": 1}
    assert crm.numbers() == ["1", "3"]
    assert crm.column("select record from restricted.quarantine") == ['2,"Bo\nof\nmany lines"']


def test_a_quote_never_closed_at_the_end_of_the_file_costs_one_record(crm: Crm) -> None:
    """The last record's open quote does not swallow what stands before it (S01)."""
    crm.people('1,Ada,1980-01-01,x\n2,Bo,1990-02-02,"open\n')
    assert crm.ingest()["reasons"] == {"broken_quoting": 1}
    assert crm.numbers() == ["1"]


def test_a_quote_opened_at_the_very_start_costs_one_record(crm: Crm) -> None:
    """Hundreds of sound records behind an open quote without any other quote all load (S01)."""
    crm.people('0,"open,1980-01-01,x\n' + "".join(f"{n},Bo,1990-02-02,x\n" for n in range(1, 501)))
    counts = crm.ingest()
    assert (counts["rows_in"], counts["loaded"], counts["reasons"]) == (501, 500, {"broken_quoting": 1})


def test_short_and_long_rows_are_quarantined_as_delivered(crm: Crm) -> None:
    """Rows with too few or too many values are kept with line and reason; their neighbours load (S01)."""
    crm.people('1,Ada\n2,Bo,1990-02-02,x,"y, z"\n3,Cy,1970-03-03,x\n')
    assert crm.ingest()["reasons"] == {"wrong_number_of_columns": 2}
    assert crm.numbers() == ["3"]
    assert crm.rows("select line, record from restricted.quarantine order by all") == [
        (2, "1,Ada"),
        (3, '2,Bo,1990-02-02,x,"y, z"'),
    ]


def test_bytes_that_are_no_utf8_cost_their_record_only(crm: Crm) -> None:
    """A record with bytes outside the encoding is kept with the bytes written as escapes (S01)."""
    crm.deliver(HEADER.encode() + b"1,Bj\xf8rn,1980-01-01,x\n2,B\xc3\xb8,1990-02-02,\xed\xa0\x80\n3,\xc3\xb8,,x\n")
    assert crm.ingest()["reasons"] == {"wrong_encoding": 2}
    assert crm.people_loaded() == [("3", "ø", None, "x")]
    assert crm.column("select record from restricted.quarantine order by line")[0] == "1,Bj\\udcf8rn,1980-01-01,x"


def test_a_nul_byte_is_a_character_like_any_other(crm: Crm) -> None:
    """NUL bytes neither cut a value short nor break the load (S01)."""
    crm.people("1,A\0da,1980-01-01,\0\n2,Bo,1990-02-02\0,x\n")
    assert crm.ingest()["reasons"] == {"impossible_date": 1}
    assert crm.people_loaded() == [("1", "A\0da", "1980-01-01", "\0")]


def test_blank_lines_are_not_records(crm: Crm) -> None:
    """Empty lines are skipped, and do not shift the line numbers of what is quarantined (S01)."""
    crm.people("\n1,Ada,1980-01-01,x\n\n\r\n2,Bo\n")
    counts = crm.ingest()
    assert (counts["rows_in"], counts["loaded"]) == (2, 1)
    assert crm.quarantined() == [(6, "wrong_number_of_columns", None)]


def test_a_file_with_nothing_but_a_header_is_an_empty_delivery(crm: Crm) -> None:
    """A header alone is a night without news: no rows, no error, and the table exists (S01)."""
    crm.people("")
    counts = crm.ingest()
    assert (counts["files"], counts["rows_in"], counts["loaded"]) == (1, 0, 0)
    assert crm.numbers() == []


@pytest.mark.parametrize("content", ["", "\n", "\ufeff", '"'], ids=["empty", "blank", "only a BOM", "a torn quote"])
def test_a_file_without_a_header_is_refused_by_name(crm: Crm, content: str) -> None:
    """An empty file is an error that names the file, never an empty CRM (S01)."""
    crm.deliver(content)
    with pytest.raises(SourceUnreadable, match=r"customers\.csv has no header line"):
        crm.ingest()


def test_a_header_that_names_a_column_twice_is_refused(crm: Crm) -> None:
    """Two columns of one name would hide each other, so neither is guessed (S01)."""
    crm.deliver("id,name,born,notes,name\n1,Ada,1980-01-01,x,Lovelace\n")
    with pytest.raises(SourceColumnMissing, match=r"customers\.csv names a column twice.*: name"):
        crm.ingest()


def test_a_header_that_differs_only_in_capitals_is_refused(crm: Crm) -> None:
    """SQL does not tell Name from name: the wrong one could be loaded, so the file is refused (S01)."""
    crm.deliver("id,Name,born,notes,name\n1,Wrong,1980-01-01,x,Right\n")
    with pytest.raises(SourceColumnMissing, match="names a column twice"):
        crm.ingest()


def test_a_file_without_header_gives_no_value_away(crm: Crm) -> None:
    """Where the first line is a person, the error names the mapped column and not the person (S67)."""
    crm.deliver("C1,Lovelace,Lovelace,1815-12-10\nC2,Bo,Bo,1990-02-02\n")
    with pytest.raises(SourceColumnMissing, match="has no column 'id'") as caught:
        crm.ingest()
    assert "Lovelace" not in str(caught.value)


def test_columns_without_a_name_are_kept_under_their_position(crm: Crm) -> None:
    """A delimiter too many at the end of every line, as some exports write it, stops nothing (S01)."""
    crm.deliver("id,name,born,notes,,\n1,Ada,1980-01-01,x,spare,\n")
    assert crm.ingest()["new_columns"] == ["unmapped_unnamed_5", "unmapped_unnamed_6"]
    assert crm.column("select unmapped_unnamed_5 from restricted.raw_crm__customers") == ["spare"]


def test_a_value_of_a_megabyte_is_loaded_whole(crm: Crm) -> None:
    """A very long note is a value, not a fault (S01)."""
    crm.people(f"1,Ada,1980-01-01,{'x' * 1_000_000}\n2,Bo,1990-02-02,x\n")
    assert crm.ingest()["loaded"] == 2
    assert crm.column("select length(notes) from restricted.raw_crm__customers order by all") == [1, 1_000_000]


@pytest.mark.parametrize("before", ["", '"torn"x,y\n'], ids=["sound file", "behind a torn line"])
def test_a_record_of_a_thousand_lines_is_one_and_a_longer_one_is_a_torn_quote(crm: Crm, before: str) -> None:
    """How many lines a value may have does not depend on what stands before it in the file (S01)."""
    longest, too_long = "x\n" * 999, "x\n" * 1_000
    crm.people(f'{before}1,Ada,1980-01-01,"{longest}"\n2,Bo,1990-02-02,"{too_long}"\n3,Cy,1970-03-03,x\n')
    reasons = crm.ingest()["reasons"]
    assert crm.numbers() == ["1", "3"]
    assert reasons == {"broken_quoting": 2 + bool(before), "wrong_number_of_columns": 999}


def test_a_value_beyond_the_limit_costs_one_record(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value longer than any value is kept out, with its reason, and the others load (S01)."""
    previous = csv_files.csv.field_size_limit(1_000)
    try:
        crm.people(f"1,Ada,1980-01-01,{'x' * 2_000}\n2,Bo,1990-02-02,x\n")
        assert crm.ingest()["reasons"] == {"value_too_long": 1}
    finally:
        csv_files.csv.field_size_limit(previous)
    assert crm.numbers() == ["2"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
def test_every_kind_of_line_end_is_read(crm: Crm, end: str) -> None:
    """Unix, Windows and old Mac exports load the same, torn record included (S01)."""
    lines = [HEADER.strip(), "1,Ada,1980-01-01,x", '2,"Bo"b,1990-02-02,x', "3,Cy,1970-03-03,x", ""]
    crm.deliver(end.join(lines))
    assert crm.ingest()["reasons"] == {"broken_quoting": 1}
    assert crm.numbers() == ["1", "3"]


def test_a_last_line_without_end_is_a_record(crm: Crm) -> None:
    """The last record counts whether or not a line end follows it (S01)."""
    crm.people("1,Ada,1980-01-01,x\n2,Bo,1990-02-02,x")
    assert crm.ingest()["loaded"] == 2


def test_separators_that_are_not_line_ends_stay_in_the_value(crm: Crm) -> None:
    """Unicode's own line separators, form feeds and control characters do not end a record (S01)."""
    odd = "a\u2028b\u2029c\x0bd\x0ce\x1cf\x1dg\x1eh\x85i\x1fj"
    crm.people(f"1,{odd},1980-01-01,x\n")
    assert crm.ingest()["loaded"] == 1
    assert crm.people_loaded() == [("1", odd, "1980-01-01", "x")]


def test_a_header_outside_the_encoding_is_refused_by_name(crm: Crm) -> None:
    """A latin-1 header read as UTF-8 is an error that names file and encoding, not a crash (S01)."""
    crm.deliver("id,name,born,notes,ström\n1,Ada,1980-01-01,x,y\n".encode("latin-1"))
    with pytest.raises(SourceUnreadable, match=r"customers\.csv.*utf-8"):
        crm.ingest()


@pytest.mark.parametrize("encoding", ["utf-16", "no-such-encoding"])
def test_a_file_that_is_not_in_its_encoding_at_all_is_refused_by_name(crm: Crm, encoding: str) -> None:
    """The wrong encoding in the policy is a clear error, without a byte of the file (S67)."""
    crm.location |= {"encoding": encoding}
    crm.people("1,Lovelace,1980-01-01,x\n")
    with pytest.raises(SourceError, match=r"customers\.csv") as caught:
        crm.ingest()
    assert "Lovelace" not in str(caught.value)


def test_a_file_that_breaks_off_in_the_middle_of_a_character_is_refused(crm: Crm) -> None:
    """A truncated UTF-16 file is an error that names it, and nothing of it is loaded (S01)."""
    crm.location |= {"encoding": "utf-16"}
    crm.deliver((HEADER + "1,Ada,1980-01-01,x\n" * 3000).encode("utf-16")[:-1])
    with pytest.raises(SourceUnreadable, match=r"customers\.csv"):
        crm.ingest()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused_by_name(crm: Crm) -> None:
    """A file without read permission is a clear error (S01)."""
    crm.people("1,Ada,1980-01-01,x\n")
    (crm.folder / "customers.csv").chmod(0)
    with pytest.raises(SourceUnreadable, match=r"customers\.csv"):
        crm.ingest()


def test_a_file_in_which_nothing_can_be_read_is_quarantined_in_seconds(crm: Crm) -> None:
    """Twenty thousand broken records are kept and counted without slowing down as they pile up (S01)."""
    crm.deliver(HEADER.encode() + b"".join(b"%d,\xff,1980-01-01,x\n" % n for n in range(20_000)))
    started = time.process_time()
    assert crm.ingest()["reasons"] == {"wrong_encoding": 20_000}
    assert crm.column("select count(*) from restricted.quarantine") == [20_000]
    assert time.process_time() - started < 20


def test_the_same_broken_record_is_kept_once_and_counted_every_time(crm: Crm) -> None:
    """Quarantine does not grow when the same broken lines are delivered again (S68)."""
    crm.people("1,Ada\n1,Ada\n")
    assert crm.ingest()["quarantined"] == 2
    crm.people("1,Ada\n2,Bo,1990-02-02,x\n", "customers_2026-11-21.csv")
    assert crm.ingest()["quarantined"] == 3  # two in the first file, one in the second, in one night's report
    assert crm.column("select count(*) from restricted.quarantine") == [1]


def test_pages_are_cut_without_losing_a_record(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, broken ones and duplicates fall on page boundaries and are all counted (S68)."""
    monkeypatch.setattr(csv_files, "PAGE_ROWS", 3)
    lines = [f"{n},Bo,1990-02-02,x" for n in range(10)] + ['"torn"x,y', "1,Ada", "3,Bo,1990-02-02,x", "11,Ed,,"]
    crm.people("\n".join(lines) + "\n")
    counts = crm.ingest()
    assert (counts["rows_in"], counts["loaded"], counts["redelivered"]) == (14, 12, 1)
    assert crm.numbers() == sorted(str(n) for n in [*range(10), 11])


def test_line_numbers_point_into_the_file(tmp_path: Path) -> None:
    """Every record knows the line it begins on, before and behind a broken one (S68)."""
    path = tmp_path / "people.csv"
    path.write_text('id,name\n1,"two\nlines"\n\n2,x\n3,"torn\n4,"y"\n5,z\n')
    location = Location(kind="csv", folder=".")
    pages = list(csv_files.pages(path, location, csv_files.header(path, location)))
    found = {}
    for page in pages:
        found |= dict(zip(page.records["id"].to_pylist(), page.records["_line"].to_pylist(), strict=True))
    assert found == {"1": 2, "2": 5, "4": 7, "5": 8}
    assert [bad.line for page in pages for bad in page.unreadable] == [6]
