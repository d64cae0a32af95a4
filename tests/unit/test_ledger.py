"""The ledger: what was written stays as it was written."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
