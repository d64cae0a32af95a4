"""The chain of releases: one signed manifest each, naming the one before; and what readers saw then, for a while."""

import hashlib
import hmac
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustmart.errors import ReleasesBroken
from trustmart.warehouse.duckdb import flush

BEGINNING = "0" * 64
# How many releases keep what they published (as many as the gate compares a new one with).
RELEASES_KEPT = 30
_WIDTH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A manifest with the digest and the signature of its one canonical writing."""

    manifest: dict[str, Any]
    digest: str
    signature: str

    @property
    def number(self) -> int:
        """Return its place in the chain, from 1."""
        return int(self.manifest["number"])

    @property
    def release_id(self) -> str:
        """Return the name of the release."""
        return str(self.manifest["release_id"])


def seal(manifest: dict[str, Any], *, key: str) -> Sealed:
    """Digest and sign a manifest: SHA-256, and HMAC-SHA-256 (RFC 2104) with the deployment's key for releases."""
    text = canonical(manifest).encode()
    return Sealed(
        manifest=manifest,
        digest=hashlib.sha256(text).hexdigest(),
        signature=hmac.digest(key.encode(), text, hashlib.sha256).hex(),
    )


def canonical(manifest: dict[str, Any]) -> str:
    """Return the one way in which a manifest is written."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def written(sealed: Sealed) -> str:
    """Return the line that a manifest's file holds."""
    return f'{{"manifest":{canonical(sealed.manifest)},"signature":"{sealed.signature}"}}\n'


class ReleaseChain:
    """Manifests and published files in one folder, by their number. A marker says that one is being published."""

    def __init__(self, folder: Path, key: str) -> None:
        """Remember where it is; key: signs manifests, and proves them."""
        self._folder = folder
        self._key = key
        self._marker = folder / "publishing"

    def manifest_file(self, number: int) -> Path:
        """Return a manifest's file."""
        return self._folder / f"{number:0{_WIDTH}}.json"

    def published_file(self, number: int) -> Path:
        """Return the file that a release published; it is there for the last `RELEASES_KEPT` ones."""
        return self._folder / f"{number:0{_WIDTH}}.duckdb"

    def newest_number(self) -> int:
        """Return the number of the newest manifest; 0 where there is none."""
        return max((int(path.stem) for path in self._folder.glob("[0-9]*.json") if path.stem.isdigit()), default=0)

    def newest(self) -> Sealed | None:
        """Return the newest manifest, proved; None before the first. Raises ReleasesBroken."""
        number = self.newest_number()
        return self.read(number) if number else None

    def read(self, number: int) -> Sealed:
        """Return a manifest of the chain; raises ReleasesBroken where it is missing, altered, or signed by others."""
        if (found := self._read(number)) is None:
            raise ReleasesBroken(
                f"the manifest of release {number} is missing or not as it was written; readers keep what stands."
                f" Put {self.manifest_file(number).name} back from a backup, then: trustmart releases --verify"
            )
        return found

    def every(self) -> list[Sealed]:
        """Return all manifests, oldest first; raises ReleasesBroken."""
        return [self.read(number) for number in range(1, self.newest_number() + 1)]

    def following(self, facts: dict[str, Any]) -> Sealed:
        """Return the manifest of what is published next; told again just as it stands, it stays what it was."""
        last, facts = self.newest(), json.loads(canonical(facts))
        if (
            last is not None
            and {**facts, "number": last.number, "previous": last.manifest["previous"]} == last.manifest
        ):
            return last
        number, previous = (last.number + 1, last.digest) if last else (1, BEGINNING)
        return seal({**facts, "number": number, "previous": previous}, key=self._key)

    def begin(self, sealed: Sealed, published: Path) -> None:
        """Write down what is about to be published, and keep a copy of it, before any reader sees it."""
        self._write(self._marker, f"{sealed.number}\n")
        self._write(self.manifest_file(sealed.number), written(sealed))
        kept = self.published_file(sealed.number)
        beside = kept.with_name(f"{kept.name}.next")
        shutil.copyfile(published, beside)
        beside.chmod(0o400)
        flush(beside)
        os.replace(beside, kept)
        flush(self._folder)

    def being_published(self) -> int | None:
        """Return the number of the release that was begun and not finished; None where all are finished."""
        if not self._marker.exists():
            return None
        text = self._marker.read_text().strip()
        return int(text) if text.isdigit() else self.newest_number()

    def drop_after(self, number: int) -> None:
        """Take away what was written for releases that were never published."""
        for path in sorted(self._folder.glob("[0-9]*"), reverse=True):
            if int(path.name.partition(".")[0]) > number:
                path.unlink()

    def finish(self) -> None:
        """Say that everything is written down that follows from a publication; drop what is not kept any longer."""
        for path in self._folder.glob("*.next"):
            path.unlink()
        oldest = self.newest_number() - RELEASES_KEPT
        for path in self._folder.glob("[0-9]*.duckdb"):
            if path.stem.isdigit() and int(path.stem) <= oldest:
                path.unlink()
        self._marker.unlink(missing_ok=True)
        flush(self._folder)

    def faults(self) -> list[str]:
        """Return what is wrong with the manifests, in their order; nothing where all are as they were written."""
        found, previous = [], BEGINNING
        for number in range(1, self.newest_number() + 1):
            sealed = self._read(number)
            if sealed is None:
                found.append(f"release {number}: its manifest is missing, altered, or not signed with this key")
                previous = ""
                continue
            if previous and not hmac.compare_digest(str(sealed.manifest["previous"]), previous):
                found.append(f"release {number}: its manifest does not follow on that of release {number - 1}")
            previous = sealed.digest
        return found

    def _read(self, number: int) -> Sealed | None:
        """Return a manifest whose file holds, byte for byte, what was written; else None."""
        try:
            text = self.manifest_file(number).read_text(encoding="utf-8")
            told = json.loads(text)
            sealed = seal(told["manifest"], key=self._key)
            is_ours = hmac.compare_digest(sealed.signature, str(told["signature"]))
            return sealed if is_ours and written(sealed) == text and sealed.number == number else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def _write(self, path: Path, text: str) -> None:
        """Write beside, have it on disk, and move it into place."""
        beside = path.with_name(f"{path.name}.next")
        beside.write_text(text, encoding="utf-8")
        flush(beside)
        os.replace(beside, path)
        flush(self._folder)
