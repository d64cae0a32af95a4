"""A folder that another system reads: one file to remove, one to add, and a receipt, per change of an audience."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from trustmart.audiences import Member
from trustmart.destinations.protocol import Operation, Receipt
from trustmart.destinations.spreadsheets import harmless
from trustmart.errors import DestinationError
from trustmart.settings import private_folder

# What identifies a member towards a removal; an address is not needed twice.
_REMOVAL_FIELDS = ("email_sha256",)


class FileDestination:
    """Writes <folder>/<audience>/<change>.<operation>.csv, each moved into place whole, readable by its owner only."""

    def __init__(self, folder: Path, columns: Sequence[str]) -> None:
        """Remember the folder and the columns that may leave."""
        self._folder = folder
        self._columns = tuple(columns)

    def remove(self, audience: str, change_id: str, members: Sequence[Member]) -> Receipt:
        """Write who must be taken out: by member id, and by hash where that is how they are known."""
        columns = [name for name in self._columns if name in _REMOVAL_FIELDS]
        return self._write(audience, change_id, "remove", columns, members)

    def add(self, audience: str, change_id: str, members: Sequence[Member]) -> Receipt:
        """Write who is put in, with the columns that may leave."""
        return self._write(audience, change_id, "add", list(self._columns), members)

    def receipt(self, audience: str, change_id: str, operation: Operation) -> Receipt | None:
        """Return the receipt of a file that is in place (another system may have read it already).

        What a crash left of one that is not is taken away: the next change has another name.
        """
        path = self._path(audience, change_id, operation)
        if not path.exists():
            _take_away_half(path)
            return None
        with path.open(encoding="utf-8", newline="") as file:
            rows = sum(1 for _ in csv.reader(file)) - 1
        return self._keep_receipt(path, Receipt(change_id=change_id, operation=operation, accepted=rows))

    def _write(
        self, audience: str, change_id: str, operation: Operation, columns: list[str], members: Sequence[Member]
    ) -> Receipt:
        """Write one file whole, unless it is there already; nothing to say writes none."""
        receipt = Receipt(change_id=change_id, operation=operation, accepted=len(members))
        path = self._path(audience, change_id, operation)
        if not members:
            return receipt
        if not path.exists():
            _move_into_place(path, _as_csv(columns, members), otherwise="nothing was sent")
        return self._keep_receipt(path, receipt)

    def _keep_receipt(self, path: Path, receipt: Receipt) -> Receipt:
        """Write the receipt beside the file: counts, and the file's digest."""
        place = path.with_suffix(".receipt.json")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        content = {
            "change_id": receipt.change_id,
            "operation": receipt.operation,
            "accepted": receipt.accepted,
            "rejected": receipt.rejected,
            "file": path.name,
            "sha256": digest,
        }
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        _move_into_place(place, text, otherwise=f"{path.name} itself is in place and will not be sent again")
        return Receipt(
            change_id=receipt.change_id,
            operation=receipt.operation,
            accepted=receipt.accepted,
            rejected=receipt.rejected,
            place=str(place),
        )

    def _path(self, audience: str, change_id: str, operation: Operation) -> Path:
        """Return where a change's file stands; its folder is made where it is missing."""
        try:
            folder = private_folder(self._folder / audience)
        except OSError as error:
            raise _not_written(self._folder / audience, error, otherwise="nothing was sent") from None
        return folder / f"{change_id}.{operation}.csv"


def _as_csv(columns: list[str], members: Sequence[Member]) -> str:
    """Write members as CSV with a header line."""
    text = io.StringIO()
    # With this end of line a lone carriage return in a value is quoted too; otherwise it would end the row.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["member_id", *columns])
    for member in members:
        writer.writerow([member.member_id, *(harmless(member.fields[name]) for name in columns)])
    return text.getvalue()


def _move_into_place(path: Path, content: str, *, otherwise: str) -> None:
    """Write beside, flush, then move: nobody reads half a file, and a failure leaves none behind."""
    beside = _beside(path)
    try:
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        _flush_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise _not_written(path, error, otherwise=otherwise) from None


def _beside(path: Path) -> Path:
    """Return where a file is written before it is moved into place."""
    return path.with_name(f".{path.name}.next")


def _take_away_half(path: Path) -> None:
    """Remove what was written of a file that never came into place."""
    try:
        _beside(path).unlink(missing_ok=True)
    except OSError as error:
        raise _not_written(path, error, otherwise="half a file of an earlier run stays behind") from None


def _flush_folder(folder: Path) -> None:
    """Have the new name on disk before anybody counts on it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_written(path: Path, error: OSError, *, otherwise: str) -> DestinationError:
    """Say what could not be written, why, and what that means."""
    return DestinationError(
        f"{path.parent.name}: {path.name} cannot be written ({error.strerror}); {otherwise}."
        " Mend the folder named in policy/destinations.yml, then: trustmart activate"
    )
