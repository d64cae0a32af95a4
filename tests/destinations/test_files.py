"""The file destination."""

import csv
import os
from pathlib import Path

import pytest

from support.destination_kit import ANN, BOB, DestinationKit, member
from trustmart.destinations import FileDestination
from trustmart.errors import DestinationError

LETTER = ("given_name", "surname", "street")


@pytest.fixture
def destination(tmp_path: Path) -> FileDestination:
    """Return a folder that accepts hashed addresses."""
    return FileDestination(tmp_path / "outbox", ["email_sha256"])


class TestFileDestination(DestinationKit):
    """The file destination keeps every law of destinations."""


def rows(path: Path) -> list[dict[str, str]]:
    """Read a file the way another system would."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_files_hold_what_policy_lets_leave_and_only_their_owner_reads_them(
    destination: FileDestination, tmp_path: Path
) -> None:
    """An add file has the member id and the listed columns, with mode 0600 in a folder with mode 0700 (S42)."""
    destination.add("aud", "c1", [ANN, BOB])
    path = tmp_path / "outbox" / "aud" / "c1.add.csv"
    assert rows(path)[0] == {"member_id": "id-ann", "email_sha256": "hash-ann"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_removal_says_no_more_than_it_must(tmp_path: Path) -> None:
    """Whoever is taken out is named by member id, not by name and street once more (S21)."""
    shop = FileDestination(tmp_path, LETTER)
    shop.remove("aud", "c1", [member("ann", given_name="Ann", surname="Lee", street="1 High St")])
    assert rows(tmp_path / "aud" / "c1.remove.csv") == [{"member_id": "id-ann"}]


def test_a_name_that_is_a_formula_is_harmless(tmp_path: Path) -> None:
    """A spreadsheet that opens the file runs nothing (S42)."""
    shop = FileDestination(tmp_path, LETTER)
    shop.add("aud", "c1", [member("eve", given_name="Eve", surname='=HYPERLINK("x")', street="-1 St, \n2nd")])
    row = rows(tmp_path / "aud" / "c1.add.csv")[0]
    assert (row["surname"], row["street"]) == ('\'=HYPERLINK("x")', "'-1 St, \n2nd")


def test_a_full_disk_leaves_no_half_file(
    destination: FileDestination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file cannot be moved into place the reader sees none, and the message names nobody (S68)."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DestinationError, match="No space left on device") as caught:
        destination.add("aud", "c1", [ANN])
    assert "hash-ann" not in str(caught.value)
    monkeypatch.undo()
    assert destination.receipt("aud", "c1", "add") is None
    assert not list((tmp_path / "outbox" / "aud").glob("*.csv"))


def test_a_file_without_its_receipt_counts_as_sent(destination: FileDestination, tmp_path: Path) -> None:
    """After a crash between file and receipt, the file may have been read already: it counts (S68)."""
    destination.add("aud", "c1", [ANN, BOB])
    (tmp_path / "outbox" / "aud" / "c1.add.receipt.json").unlink()
    receipt = destination.receipt("aud", "c1", "add")
    assert receipt.accepted == 2
    assert Path(receipt.place).exists()
