"""A ledger in one file: a line is an entry, and each names the digest of the one before (a hash chain)."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from trustmart.errors import LedgerBroken

_BEGINNING = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What happened, when, with which counts."""

    number: int
    at: str
    kind: str
    facts: dict[str, Any]
    previous: str
    digest: str


class Ledger:
    """Appends entries and proves that none was changed, removed or slipped in."""

    def __init__(self, path: Path) -> None:
        """Remember the file; it is made with the first entry."""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))

    def record(self, kind: str, facts: dict[str, Any], *, at: datetime) -> Entry:
        """Append one entry and have it on disk before returning."""
        with self._lock:
            self._cut_torn_line()
            last = self.last()
            body: dict[str, Any] = {
                "number": last.number + 1 if last else 1,
                "at": at.isoformat(),
                "kind": kind,
                "facts": facts,
                "previous": last.digest if last else _BEGINNING,
            }
            entry = Entry(**body, digest=_digest(body))
            with self._path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(_written(entry))
                file.flush()
                os.fsync(file.fileno())
            return entry

    def entries(self, kind: str | None = None) -> Iterator[Entry]:
        """Yield the entries, oldest first; a line that a crash tore off is left out. Raises LedgerBroken."""
        for number, line in enumerate(self._lines(), start=1):
            entry = _read(line)
            if entry is None:
                raise LedgerBroken(
                    f"{self._path.name}: entry {number} cannot be read, so somebody has changed it."
                    " Put the file back as it was (from a backup), then: trustmart status"
                )
            if kind is None or entry.kind == kind:
                yield entry

    def last(self, kind: str | None = None) -> Entry | None:
        """Return the newest entry (of a kind)."""
        newest = None
        for entry in self.entries(kind):
            newest = entry
        return newest

    def first_fault(self) -> int | None:
        """Return the number of the first entry that does not fit the chain, or None where all do."""
        previous = _BEGINNING
        for number, line in enumerate(self._lines(), start=1):
            entry = _read(line)
            if entry is None or entry.number != number or entry.previous != previous or _written(entry) != line:
                return number
            previous = entry.digest
        return None

    def _lines(self) -> Iterator[str]:
        """Yield the whole lines, exactly as they stand in the file."""
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                if not line.endswith("\n"):
                    return
                yield line

    def _cut_torn_line(self) -> None:
        """Remove a half-written last line: its entry was never reported as recorded."""
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        if content and not content.endswith(b"\n"):
            with self._path.open("r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)


def _read(line: str) -> Entry | None:
    """Read a line, or return None where it is no entry."""
    try:
        return Entry(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None


def _written(entry: Entry) -> str:
    """Return the one way in which an entry is written, with the digest that its content has."""
    body = {name: getattr(entry, name) for name in ("number", "at", "kind", "facts", "previous")}
    return json.dumps({**body, "digest": _digest(body)}, sort_keys=True) + "\n"


def _digest(body: dict[str, Any]) -> str:
    """Digest an entry's content in one canonical writing."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
