"""The file destination."""

import csv
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.destination_kit import ANN, BOB, EVERYTHING_ALLOWED, Broken, DestinationKit, Reopen, Told, member
from trustmart.destinations import FileDestination
from trustmart.errors import DestinationError

LETTER = ("given_name", "surname", "street")


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """Return where the destination's folder will be."""
    return tmp_path / "outbox"


@pytest.fixture
def destination(outbox: Path) -> FileDestination:
    """Return a folder that accepts hashed addresses and surnames."""
    return FileDestination(outbox, EVERYTHING_ALLOWED)


@pytest.fixture
def reopen(outbox: Path) -> Reopen:
    """Return what opens the same folder anew."""
    return lambda: FileDestination(outbox, EVERYTHING_ALLOWED)


@pytest.fixture
def told(outbox: Path) -> Told:
    """Return what reads every file, the hidden ones too."""
    return lambda: "".join(path.read_text() for path in sorted(outbox.rglob("*")) if path.is_file())


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    """Return what makes the disk full: the content is written, and cannot be moved into place."""

    @contextmanager
    def full_disk() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", _full)
            yield

    return full_disk


def _full(*_: object, **__: object) -> None:
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


class TestFileDestination(DestinationKit):
    """The file destination keeps every law of destinations."""


def rows(path: Path) -> list[dict[str, str]]:
    """Read a file the way another system would."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_files_hold_what_policy_lets_leave(destination: FileDestination, outbox: Path) -> None:
    """An add file has the member id and the listed columns, in the order of policy; a removal id and hash (S42)."""
    destination.remove("aud", "c1", [BOB])
    destination.add("aud", "c1", [ANN, BOB])
    assert rows(outbox / "aud" / "c1.remove.csv") == [{"member_id": "id-bob", "email_sha256": "hash-bob"}]
    header = (outbox / "aud" / "c1.add.csv").read_text().splitlines()[0]
    assert header == "member_id,email_sha256,surname"
    assert rows(outbox / "aud" / "c1.add.csv")[0] == {
        "member_id": "id-ann",
        "email_sha256": "hash-ann",
        "surname": "surname-ann",
    }


def test_a_removal_by_letter_is_the_member_id_alone(tmp_path: Path) -> None:
    """Whoever gets no more letters is not named with name and street once more (S21)."""
    shop = FileDestination(tmp_path, LETTER)
    shop.remove("aud", "c1", [member("ann", given_name="Ann", surname="Lee", street="1 High St")])
    assert rows(tmp_path / "aud" / "c1.remove.csv") == [{"member_id": "id-ann"}]


def test_only_the_owner_can_read_the_files(destination: FileDestination, outbox: Path) -> None:
    """Every file has mode 0600 in a folder with mode 0700, whatever the umask and whatever lay there before (S42)."""
    (outbox / "aud").mkdir(parents=True, mode=0o755)
    leftover = outbox / "aud" / ".c1.add.csv.next"
    leftover.touch()
    leftover.chmod(0o666)
    before = os.umask(0)
    try:
        destination.add("aud", "c1", [ANN])
    finally:
        os.umask(before)
    files = [path for path in outbox.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"c1.add.csv", "c1.add.receipt.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((outbox / "aud").stat().st_mode) == 0o700


def test_a_link_laid_in_the_way_is_not_followed(destination: FileDestination, outbox: Path, tmp_path: Path) -> None:
    """Somebody who plants a link where a file will be written gets nothing written elsewhere (S42)."""
    (outbox / "aud").mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    (outbox / "aud" / ".c1.add.csv.next").symlink_to(elsewhere)
    destination.add("aud", "c1", [ANN])
    assert not elsewhere.exists()
    assert rows(outbox / "aud" / "c1.add.csv")[0]["member_id"] == "id-ann"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_name_that_is_a_formula_is_harmless(tmp_path: Path, start: str) -> None:
    """A spreadsheet that opens the file runs nothing (S42)."""
    shop = FileDestination(tmp_path, LETTER)
    shop.add("aud", "c1", [member("eve", given_name="Eve", surname=f'{start}HYPERLINK("x")', street="1 =St")])
    row = rows(tmp_path / "aud" / "c1.add.csv")[0]
    assert row["surname"] == f'\'{start}HYPERLINK("x")'
    assert row["street"] == "1 =St"


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NASTY = st.one_of(TEXTS, st.text("\r\n,;\"'= \t|é名", max_size=6))


@given(streets=st.lists(NASTY, min_size=1, max_size=5))
def test_any_value_arrives_in_one_row_of_its_own(tmp_path_factory: pytest.TempPathFactory, streets: list[str]) -> None:
    """Commas, quotes and ends of line of any kind neither split a row nor move a column (S42)."""
    folder = tmp_path_factory.mktemp("outbox")
    shop = FileDestination(folder, LETTER)
    people = [member(str(n), given_name="Ann", surname="Lee", street=street) for n, street in enumerate(streets)]
    told = shop.add("aud", "c1", people)
    read = rows(folder / "aud" / "c1.add.csv")
    assert [row["street"].removeprefix("'") for row in read] == [street.removeprefix("'") for street in streets]
    assert [row["member_id"] for row in read] == [one.member_id for one in people]
    assert shop.receipt("aud", "c1", "add") == told


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_disk_that_fails_at_any_step_leaves_no_half_file(
    destination: FileDestination, outbox: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever the disk refuses, the reader sees no file, and nobody's data lies about half-written (S68)."""
    with monkeypatch.context() as patch:
        patch.setattr(os, step, _full)
        with pytest.raises(DestinationError, match=r"No space left on device.*nothing was sent") as caught:
            destination.add("aud", "c1", [ANN])
    assert "-ann" not in str(caught.value)
    assert list((outbox / "aud").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    """Where a file stands in the folder's place, or nobody may write, the message says so (S68)."""
    (tmp_path / "outbox").write_text("not a folder")
    shop = FileDestination(tmp_path / "outbox", LETTER)
    for call in (
        lambda: shop.add("aud", "c1", [member("ann", given_name="Ann", surname="Lee", street="x")]),
        lambda: shop.receipt("aud", "c1", "add"),
    ):
        with pytest.raises(DestinationError, match=r"policy/destinations\.yml"):
            call()


def test_a_receipt_that_cannot_be_written_does_not_deny_the_file(
    destination: FileDestination, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the file is in place it may have been read: the error says so, and telling again sends nothing more (S68)."""
    replaced = os.replace

    def full_for_receipts(source: Path, target: Path) -> None:
        if target.suffix == ".json":
            _full()
        replaced(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full_for_receipts)
        with pytest.raises(DestinationError, match=r"c1\.add\.csv itself is in place and will not be sent again"):
            destination.add("aud", "c1", [ANN, BOB])
    assert destination.receipt("aud", "c1", "add").accepted == 2
    assert {path.name for path in (outbox / "aud").iterdir()} == {"c1.add.csv", "c1.add.receipt.json"}


def test_a_file_without_its_receipt_counts_as_sent(destination: FileDestination, outbox: Path) -> None:
    """After a crash between file and receipt, the file may have been read already: it counts (S68)."""
    destination.add("aud", "c1", [ANN, BOB])
    (outbox / "aud" / "c1.add.receipt.json").unlink()
    receipt = destination.receipt("aud", "c1", "add")
    assert receipt.accepted == 2
    assert Path(receipt.place).exists()


def test_half_a_file_of_a_crash_is_taken_away(destination: FileDestination, outbox: Path) -> None:
    """What was being written when a run died is not left there for ever, since the next change has another name (S13, S42)."""
    destination.remove("aud", "c1", [BOB])
    half = outbox / "aud" / ".c1.add.csv.next"
    half.write_text("member_id")
    assert destination.receipt("aud", "c1", "remove") is not None
    assert destination.receipt("aud", "c1", "add") is None
    assert not half.exists()


def test_a_receipt_proves_the_file(destination: FileDestination, outbox: Path) -> None:
    """The receipt holds counts and the digest of the very file, and not a name (S68)."""
    receipt = destination.add("aud", "c1", [ANN, BOB])
    content = Path(receipt.place).read_text()
    file = outbox / "aud" / "c1.add.csv"
    assert json.loads(content) == {
        "change_id": "c1",
        "operation": "add",
        "accepted": 2,
        "rejected": 0,
        "file": "c1.add.csv",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
