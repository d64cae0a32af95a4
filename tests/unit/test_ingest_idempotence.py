"""A batch that is delivered twice changes nothing, however it is delivered."""

from datetime import timedelta
from pathlib import Path

import pytest

from support.crm_files import AS_OF, Crm

TOMORROW = AS_OF + timedelta(days=1)


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    """A CRM with one table of people, taken in once: three loaded, one in quarantine."""
    crm = Crm(tmp_path)
    crm.people("1,Ada,1980-01-01,x\n2,Bo,1990-02-02,x\n3,Cy,1970-03-03,x\n4,Di,never,x\n")
    crm.ingest()
    return crm


def test_the_same_file_again_is_no_row(crm: Crm) -> None:
    """A file that was taken in is not read again, tonight or tomorrow (S01)."""
    before = crm.whole_zone()
    assert crm.ingest(TOMORROW) == {}
    assert crm.whole_zone() == before


@pytest.mark.parametrize("is_kept", [True, False], ids=["beside the old file", "instead of the old file"])
def test_the_same_content_under_another_name_is_not_read_again(crm: Crm, is_kept: bool) -> None:
    """Bytes are known whatever they are called (S01)."""
    content = (crm.folder / "customers.csv").read_bytes()
    crm.deliver(content, "customers_2026-11-21.csv")
    if not is_kept:
        crm.remove("customers.csv")
    before = crm.whole_zone()
    assert crm.ingest(TOMORROW) == {}
    assert crm.whole_zone() == before


def test_the_same_rows_in_another_order_are_redelivered(crm: Crm) -> None:
    """A re-sorted extract is read, counted as redelivered, and doubles nothing (S01)."""
    before = crm.rows("select * from restricted.raw_crm__customers order by all")
    kept = crm.rows("select * from restricted.quarantine")
    crm.people("4,Di,never,x\n3,Cy,1970-03-03,x\n1,Ada,1980-01-01,x\n2,Bo,1990-02-02,x\n")
    counts = crm.ingest(TOMORROW)
    assert (counts["rows_in"], counts["loaded"], counts["redelivered"], counts["quarantined"]) == (4, 3, 3, 1)
    assert crm.rows("select * from restricted.raw_crm__customers order by all") == before
    assert crm.rows("select * from restricted.quarantine") == kept


def test_the_same_rows_with_columns_in_another_order_are_redelivered(crm: Crm) -> None:
    """The order of an extract's columns says nothing (S01)."""
    crm.deliver("notes,born,id,name\nx,1980-01-01,1,Ada\nx,1990-02-02,2,Bo\nx,1970-03-03,3,Cy\n")
    counts = crm.ingest(TOMORROW)
    assert (counts["loaded"], counts["redelivered"]) == (3, 3)
    assert crm.numbers() == ["1", "2", "3"]


def test_a_partial_overlap_adds_what_is_new(crm: Crm) -> None:
    """An increment that repeats yesterday's last rows adds its own only (S01)."""
    crm.people("3,Cy,1970-03-03,x\n5,Ed,1960-05-05,x\n5,Ed,1960-05-05,x\n", "customers_2026-11-21.csv")
    counts = crm.ingest(TOMORROW)
    assert (counts["rows_in"], counts["loaded"], counts["redelivered"]) == (3, 3, 2)
    assert crm.numbers() == ["1", "2", "3", "5"]


def test_a_changed_row_is_a_new_version(crm: Crm) -> None:
    """One value that differs makes another record; the old version stays beside it (S01)."""
    crm.people("1,Ada,1980-01-01,moved\n", "customers_2026-11-21.csv")
    counts = crm.ingest(TOMORROW)
    assert (counts["loaded"], counts["redelivered"]) == (1, 0)
    assert crm.numbers() == ["1", "1", "2", "3"]


def test_records_that_only_look_alike_are_both_kept(tmp_path: Path) -> None:
    """Whatever stands between two values, moving it from one to the other makes another record (S68)."""
    crm = Crm(tmp_path)
    lines = [
        "1,a\x1fb,,c\n1,a,,b\x1fc\n",  # a separator of some digests
        "2,\x1e,,x\n2,,,x\n",  # a mark for nothing in some digests
        "3,ab,,c\n3,a,,bc\n",
        '4,"a,b",,c\n4,a,,"b,c"\n',
        '5,"""a""",,x\n5,a,,x\n',
        "6,null,,x\n6,,,x\n6, ,,x\n",
        "7,\\u0041,,x\n7,A,,x\n",
    ]
    crm.people("".join(lines))
    counts = crm.ingest()
    assert (counts["rows_in"], counts["loaded"], counts["redelivered"]) == (15, 15, 0)
    assert crm.column("select count(*) from restricted.raw_crm__customers") == [15]


def test_a_row_that_became_sound_is_loaded(crm: Crm) -> None:
    """Quarantine is no verdict on a person: the mended row comes in, and the broken one stays on record (S01)."""
    crm.people("4,Di,1960-04-04,x\n", "customers_2026-11-21.csv")
    assert crm.ingest(TOMORROW)["loaded"] == 1
    assert crm.numbers() == ["1", "2", "3", "4"]
    assert len(crm.quarantined()) == 1


def test_a_row_born_tomorrow_is_loaded_tomorrow(crm: Crm) -> None:
    """What was out of range for one night may be in range for the next (S01)."""
    crm.people("6,Eve,2026-11-21,x\n", "customers_2026-11-20.csv")
    assert crm.ingest()["reasons"]["date_out_of_range"] == 1
    crm.people("6,Eve,2026-11-21,x\n7,Flo,1950-01-01,x\n", "customers_2026-11-21.csv")
    assert crm.ingest(TOMORROW)["loaded"] == 2
    assert crm.numbers() == ["1", "2", "3", "6", "7"]


def test_two_files_of_one_night_with_the_same_row_load_it_once(tmp_path: Path) -> None:
    """A full extract and an increment of the same night do not double their overlap (S01)."""
    crm = Crm(tmp_path)
    crm.people("1,Ada,1980-01-01,x\n2,Bo,1990-02-02,x\n")
    crm.people("2,Bo,1990-02-02,x\n3,Cy,1970-03-03,x\n", "customers_2026-11-20.csv")
    counts = crm.ingest()
    assert (counts["files"], counts["loaded"], counts["redelivered"]) == (2, 4, 1)
    assert crm.numbers() == ["1", "2", "3"]
