"""Publish as one: the marts, the manifest that seals them, and the books that follow, whatever breaks off in between.

The moving of one file is what publishes. Before it, the manifest and a copy are written under a marker; after it, the
history of members and the ledger. Whoever comes next finds the marker, asks the standing file which release it is, and
either writes the books or drops what was never published.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from trustmart.ledger import Sealed
from trustmart.pipeline.context import Context
from trustmart.pipeline.history import remember_release
from trustmart.pipeline.standing import SEAL, SEAL_COLUMNS, seal_of
from trustmart.warehouse import Session
from trustmart.warehouse.contents import content_digest, tables_in

Fill = Callable[[Session], dict[str, Any]]


def publish(context: Context, fill: Fill, *, archived: Path | None = None) -> Sealed:
    """Fill a new published zone, seal it, move it into place, and write the books; raises ReleasesBroken.

    fill: makes the tables in `anonymized` and returns the manifest's facts. archived: an older published file, for it.
    """
    settle(context)
    chain, made = context.releases, list[Sealed]()
    with context.warehouse.new_release(
        archived=archived, before_move=lambda path: chain.begin(made[0], path)
    ) as session:
        facts = fill(session)
        facts["tables"] = {table: content_digest(session, "anonymized", table) for table in _tables(session)}
        made.append(chain.following(facts))
        _put_seal(session, made[0])
    settle(context)
    return made[0]


def settle(context: Context) -> None:
    """Bring history and ledger up to what readers have; drop what was prepared for them and never published.

    To be called before anything that the door left is changed: it says who is in the last release. Nothing to do, it
    opens nothing.
    """
    if not (context.settings.releases_folder / "publishing").exists():
        return
    chain = context.releases
    with context.warehouse.exclusive():
        if (number := chain.being_published()) is None:
            return  # another process was quicker
        published = _standing_number(context)
        if published == number:
            _write_books(context, chain.read(number))
        else:
            chain.drop_after(number - 1)
        chain.finish()


def _standing_number(context: Context) -> int:
    """Return the number of the release that readers have; 0 where there is none, or it has no manifest."""
    standing = context.warehouse.path("anonymized")
    if not standing.exists():
        return 0
    with context.warehouse.published({"standing": standing}) as session:
        return int(seal_of(session, "standing").get("number") or 0)


def _write_books(context: Context, sealed: Sealed) -> None:
    """Remember the members of what was released, and record the publication; each once, however often it is tried."""
    facts = sealed.manifest
    at = datetime.fromisoformat(facts["at"])
    if facts["kind"] == "release":
        released = [mart for mart, told in facts["verdicts"].items() if told["verdict"] == "released"]
        remember_release(context, released, sealed.release_id, released_at=at)
    if not any(entry.facts.get("manifest") == sealed.digest for entry in context.ledger.entries(facts["kind"])):
        context.ledger.record(facts["kind"], _for_the_ledger(sealed), at=at)


def _for_the_ledger(sealed: Sealed) -> dict[str, Any]:
    """Return what the ledger keeps of a publication: its verdicts, and the digest that anchors the manifest."""
    facts = sealed.manifest
    kept = ("verdict", "rows", "people", "smallest_class", "minimum_class_size", "recoding", "is_remembered")
    common = {
        "release_id": sealed.release_id,
        "number": sealed.number,
        "manifest": sealed.digest,
        "policy_version": facts["policy_version"],
    }
    if facts["kind"] == "rollback":
        return {**common, "back_to": facts["back_to"], "reason": facts["reason"], "marts": facts["put_back"]}
    marts = {mart: {name: told.get(name) for name in kept} for mart, told in facts["verdicts"].items()}
    return {**common, "marts": marts}


def _put_seal(session: Session, sealed: Sealed) -> None:
    """Let the published file say which release it is."""
    session.run(f"create table anonymized.{SEAL} ({SEAL_COLUMNS})")
    session.run(
        f"insert into anonymized.{SEAL} values (?, ?, ?, ?)",
        [sealed.number, sealed.release_id, sealed.digest, sealed.signature],
    )


def _tables(session: Session) -> list[str]:
    """Return the tables that readers get, but for the seal."""
    return [table for table in tables_in(session, "anonymized") if table != SEAL]
