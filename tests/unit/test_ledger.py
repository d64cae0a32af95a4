"""The ledger: what was written stays as it was written."""

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustmart.errors import LedgerBroken
from trustmart.ledger import Ledger

AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a ledger file with five entries."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for number in range(5):
        ledger.record("release" if number % 2 else "activation", {"added": number}, at=AT)
    return tmp_path / "ledger.jsonl"


def test_a_ledger_that_was_only_appended_to_is_whole(path: Path) -> None:
    """Entries come back in order, and the chain fits (S68)."""
    ledger = Ledger(path)
    assert [entry.facts["added"] for entry in ledger.entries()] == [0, 1, 2, 3, 4]
    assert ledger.last("release").facts == {"added": 3}
    assert ledger.first_fault() is None


def test_an_edited_number_is_found(path: Path) -> None:
    """Making a count look better breaks the chain at that entry (S68)."""
    path.write_text(path.read_text().replace('"added": 2', '"added": 3'))
    assert Ledger(path).first_fault() == 3


@pytest.mark.parametrize("gone", [0, 2, 3])
def test_a_removed_entry_is_found(path: Path, gone: int) -> None:
    """Leaving an entry out breaks the chain where it was (S68)."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:gone] + lines[gone + 1 :]))
    assert Ledger(path).first_fault() == gone + 1


def test_exchanged_entries_are_found(path: Path) -> None:
    """The order of what happened cannot be changed (S68)."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], lines[2], lines[1], *lines[3:]]))
    assert Ledger(path).first_fault() == 2


def test_a_line_torn_off_by_a_crash_is_no_entry(path: Path) -> None:
    """A half-written entry was never reported; the next one takes its place (S68)."""
    with path.open("a") as file:
        file.write('{"number": 6, "at": "2026')
    ledger = Ledger(path)
    assert len(list(ledger.entries())) == 5
    assert ledger.record("release", {}, at=AT).number == 6
    assert ledger.first_fault() is None


def test_processes_that_write_at_once_keep_one_chain(tmp_path: Path) -> None:
    """Two runs that record at the same time do not fork the ledger (S68)."""
    program = (
        "import sys; from datetime import *; from pathlib import Path; from trustmart.ledger import Ledger\n"
        "for n in range(20): Ledger(Path(sys.argv[1])).record('release', {}, at=datetime.now(UTC))"
    )
    path = tmp_path / "ledger.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert Ledger(path).first_fault() is None
    assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == list(range(1, 61))


@given(place=st.integers(0, 10**6), put=st.binary(min_size=1, max_size=1), how=st.sampled_from(["put", "add", "cut"]))
def test_any_byte_changed_added_or_cut_is_found(
    tmp_path_factory: pytest.TempPathFactory, place: int, put: bytes, how: str
) -> None:
    """Whatever is done to a byte of an entry breaks the chain in that entry or the next, or tears the last (S68)."""
    whole = _five_entries()
    place %= len(whole)
    changed = {
        "put": whole[:place] + put + whole[place + 1 :],
        "add": whole[:place] + put + whole[place:],
        "cut": whole[:place] + whole[place + 1 :],
    }[how]
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    path.write_bytes(changed)
    touched = whole[:place].count(b"\n") + 1
    fault = Ledger(path).first_fault()
    if changed == whole:
        assert fault is None
    elif not changed.endswith(b"\n"):
        # The last entry ends in the air: it counts as torn off by a crash, and so is no entry.
        assert fault is None
        assert len(list(Ledger(path).entries())) < 5
    else:
        assert fault in (touched, touched + 1)


@given(order=st.permutations(range(5)), kept=st.integers(1, 5))
def test_only_the_order_it_was_written_in_is_whole(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], kept: int
) -> None:
    """Whatever entries are left out or moved, the first one out of its place is named (S68)."""
    lines = _five_entries().splitlines(keepends=True)
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    path.write_bytes(b"".join(lines[n] for n in order[:kept]))
    wrong = next((place for place, number in enumerate(order[:kept], start=1) if number != place - 1), None)
    assert Ledger(path).first_fault() == wrong


def test_a_line_that_is_no_entry_is_an_error_in_words(path: Path) -> None:
    """Rubbish in the file is found and named by its number, and stops whoever would append to it (S68)."""
    for rubbish in ("\n", "{}\n", "[1]\n", "not json\n", '{"number": 1, "colour": "red"}\n'):
        lines = _five_entries().decode().splitlines(keepends=True)
        path.write_text("".join([*lines[:2], rubbish, *lines[2:]]))
        ledger = Ledger(path)
        assert ledger.first_fault() == 3
        with pytest.raises(LedgerBroken, match="entry 3"):
            ledger.record("release", {}, at=AT)


def test_a_second_writing_of_a_key_is_found(path: Path) -> None:
    """A count said twice in one line, of which readers see only the last, is a change like any other (S68)."""
    path.write_text(path.read_text().replace('"added": 2', '"added": 900, "added": 2'))
    assert Ledger(path).first_fault() == 3


def test_a_process_that_dies_while_it_writes_leaves_the_others_a_whole_chain(tmp_path: Path) -> None:
    """Killed between any two bytes, a writer costs at most its own entry (S68)."""
    whole = _five_entries()
    path = tmp_path / "ledger.jsonl"
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        ledger = Ledger(path)
        entry = ledger.record("release", {}, at=AT)
        assert entry.number == whole[:length].count(b"\n") + 1
        assert ledger.first_fault() is None


@cache
def _five_entries() -> bytes:
    """Return the bytes of a ledger of five entries."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        for number in range(5):
            Ledger(path).record("release", {"added": number, "marts": {"dim_x": {"rows": 3}}}, at=AT)
        return path.read_bytes()
