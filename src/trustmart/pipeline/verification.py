"""Prove that releases are what was sealed: every manifest, what stands, what is kept, and what the ledger remembers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trustmart.errors import ReleasesBroken, WarehouseLocked
from trustmart.ledger import Sealed
from trustmart.pipeline.context import Context
from trustmart.pipeline.publication import settle
from trustmart.pipeline.standing import SEAL, is_sealed_by
from trustmart.warehouse import Session
from trustmart.warehouse.contents import content_digest, tables_in


def verify(context: Context, *, kept: bool = True) -> dict[str, Any]:
    """Return every fault, and how much was looked at; an empty list of faults means that all is as it was published.

    kept: look into what earlier releases published as well, not only into what readers have.
    """
    settle(context)
    with context.warehouse.exclusive():
        numbers = range(1, context.releases.newest_number() + 1)
        files = [number for number in numbers if kept and context.releases.published_file(number).exists()]
        faults = [
            *context.releases.faults(),
            *_faults_of_standing(context),
            *(fault for number in files for fault in _faults_of_kept(context, number)),
            *_faults_against_ledger(context),
        ]
    return {"manifests": len(numbers), "contents": len(files), "faults": faults}


def _faults_of_standing(context: Context) -> list[str]:
    """Return what is wrong with what readers have."""
    standing, number = context.warehouse.path("anonymized"), context.releases.newest_number()
    if not standing.exists():
        return ["readers have nothing, though there are releases"] if number else []
    if not number:
        return ["what readers have was published before there were manifests; the next release has one"]
    faults = []
    if (log := standing.with_name(f"{standing.name}.wal")).exists() and log.stat().st_size:
        faults.append("somebody writes to what readers have, in a session that is not read-only")
    return faults + _faults_of_file(context, number, standing, "what readers have")


def _faults_of_kept(context: Context, number: int) -> list[str]:
    """Return what is wrong with what an earlier release published."""
    return _faults_of_file(context, number, context.releases.published_file(number), f"release {number}")


def _faults_of_file(context: Context, number: int, path: Path, words: str) -> list[str]:
    """Compare a published file with its manifest."""
    try:
        sealed = context.releases.read(number)
        with context.warehouse.published({"published": path}) as session:
            return [f"{words}: {fault}" for fault in content_faults(session, "published", sealed)]
    except ReleasesBroken:
        return [f"{words}: nobody can tell, as its manifest is not whole"]
    except WarehouseLocked:
        return [f"{words}: {path.name} does not open"]


def content_faults(session: Session, database: str, sealed: Sealed) -> Iterator[str]:
    """Yield what in a published file is not as its manifest says: counts and names of tables, never a value."""
    if not is_sealed_by(session, database, sealed):
        yield "it does not name its manifest"
    wanted = sealed.manifest["tables"]
    present = set(tables_in(session, database)) - {SEAL}
    for table in sorted(wanted.keys() - present):
        yield f"{table} is missing"
    if strange := len(present - wanted.keys()):
        yield f"{strange} tables are there that were not published"
    for table in sorted(present & wanted.keys()):
        if content_digest(session, database, table) != wanted[table]:
            yield f"{table} is altered"


def _faults_against_ledger(context: Context) -> list[str]:
    """Compare the chain with the ledger, which is another file: one of them cut short or made anew shows."""
    if context.ledger.first_fault() is not None:
        return ["the ledger is not whole: trustmart status"]
    entries = [entry for kind in ("release", "rollback") for entry in context.ledger.entries(kind)]
    anchored = {entry.facts["number"]: entry.facts["manifest"] for entry in entries if "manifest" in entry.facts}
    newest, faults = context.releases.newest_number(), []
    if missing := sum(number > newest for number in anchored):
        faults.append(f"{missing} releases are in the ledger and not in the chain")
    for number in range(1, newest + 1):
        try:
            digest = context.releases.read(number).digest
        except ReleasesBroken:
            continue  # said already
        if anchored.get(number) != digest:
            faults.append(f"release {number}: the ledger knows another manifest, or none")
    return faults
