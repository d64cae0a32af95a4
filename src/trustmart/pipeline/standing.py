"""What readers have: the release that a published file says it is, and whether a mart in it is as it was released."""

from datetime import datetime
from typing import Any

from trustmart.ledger import Sealed
from trustmart.pipeline.context import Context
from trustmart.warehouse import Session
from trustmart.warehouse.contents import columns_in, content_digest, one_row
from trustmart.warehouse.release_history import last_release_id

SEAL = "manifest"
SEAL_COLUMNS = "number bigint, release_id varchar, digest varchar, signature varchar"


def seal_of(session: Session, database: str) -> dict[str, Any]:
    """Return which release a published file says it is: number, release_id, digest, signature; empty where nothing."""
    return one_row(session, database, SEAL)


def is_sealed_by(session: Session, database: str, sealed: Sealed) -> bool:
    """Return whether a published file names exactly this manifest."""
    said = {
        "number": sealed.number,
        "release_id": sealed.release_id,
        "digest": sealed.digest,
        "signature": sealed.signature,
    }
    return seal_of(session, database) == said


def standing_facts(session: Session, database: str, mart: str, sealed: Sealed | None) -> dict[str, Any] | None:
    """Return what is known of a mart in a published file; None where it is not there, or not as it was released.

    sealed: the manifest of that file; None for a file from before there were manifests.
    """
    if not columns_in(session, database, mart):
        return None
    if sealed is None:
        return _from_its_own_words(session, database, mart)
    facts = sealed.manifest["published"].get(mart)
    return facts if facts and facts["digest"] == content_digest(session, database, mart) else None


def stands_as_remembered(context: Context, session: Session, mart: str) -> bool:
    """Return whether the standing mart shows the release whose members the history remembers last, unaltered."""
    if not columns_in(session, "anonymized", mart):
        return False
    facts = standing_facts(session, "anonymized", mart, context.releases.newest())
    return facts is not None and facts["release_id"] == last_release_id(session, mart)


def nights_old(released_at: datetime, at: datetime) -> int:
    """Return how many nights lie between a release and a night; both of one time zone."""
    return max(0, (at.date() - released_at.date()).days)


def _from_its_own_words(session: Session, database: str, mart: str) -> dict[str, Any] | None:
    """Return what a file without a manifest says of a mart."""
    columns = "release_id, released_at, policy_version, minimum_class_size, smallest_class, people"
    told = session.rows(f"select {columns} from {database}.releases where mart = ?", [mart])
    if len(told) != 1:
        return None
    facts = dict(zip(columns.split(", "), told[0], strict=True))
    rows = session.value(f'select count(*) from {database}."{mart}"')
    digest = content_digest(session, database, mart)
    more: dict[str, Any] = {
        "columns": {},
        "classes": [],
        "recoding": None,
        "epoch": None,
        "rows": int(rows),
        "digest": digest,
    }
    return {**facts, "released_at": facts["released_at"].isoformat(), **more}
