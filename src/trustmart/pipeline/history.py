"""What is remembered of releases: who was in which class, in which epoch, and what analysts were told of it."""

from collections.abc import Sequence
from datetime import datetime

from trustmart.anonymizing.words import quoted
from trustmart.gates import Finding, Memory
from trustmart.gates.thresholds import RELEASES_REMEMBERED
from trustmart.pipeline.context import Context
from trustmart.pipeline.epochs import epochs_of
from trustmart.warehouse import DOOR_SCHEMA, Session, naive_utc
from trustmart.warehouse.release_history import (
    ensure_release_history,
    has_later,
    is_as_published,
    look_back,
    prune,
    remember,
)


def memory_of(context: Context) -> Memory:
    """Return what the gate must know of earlier releases: whose recoding is the same, and how many there were."""
    tonight, last = recodings_of(context), {}
    nights: dict[str, set[str]] = {}
    for entry in context.ledger.entries("release"):
        if entry.at >= context.as_of.isoformat():
            continue  # this very night, told again, or a later one
        for mart, facts in entry.facts["marts"].items():
            if facts["verdict"] == "released" and facts.get("is_remembered"):
                last[mart] = facts.get("recoding")
                # A night that was told again, with another policy perhaps, is one release to the history.
                nights.setdefault(mart, set()).add(entry.at)
    same = {mart: digest for mart, digest in tonight.items() if digest and last.get(mart) == digest}
    return Memory(epochs=same, releases={mart: min(len(of), RELEASES_REMEMBERED) for mart, of in nights.items()})


def recodings_of(context: Context) -> dict[str, str]:
    """Return the digest of the recoding that each mart was made with tonight."""
    made = (context.kept("transform") or {}).get("door", ())
    return {row["mart"]: row["recoding"] for row in made if row.get("recoding")}


def remember_release(context: Context, marts: Sequence[str], release_id: str, *, released_at: datetime) -> None:
    """Take down who is in which published class of the marts that were just released, as the door left it."""
    with context.warehouse.session(writes="restricted") as session:
        ensure_release_history(session)
        for mart in marts:
            members = _members_of(session, mart)
            if not members:
                continue
            remember(session, mart=mart, members=members, released_at=released_at, release_id=release_id)
            prune(session, mart=mart, keep=RELEASES_REMEMBERED)


def findings_of_past(context: Context) -> dict[str, Finding]:
    """Look back from the night, and return which marts a past night may not publish: those that are not as they were.

    What was published later stays published in people's minds and files: beside it, another version of an earlier night
    tells whom the two differ by.
    """
    if not context.warehouse.path("restricted").exists():
        return {}  # there was no night at all; whoever reads next says so
    with context.warehouse.session(writes="restricted") as session:
        ensure_release_history(session)
        look_back(session, before=context.as_of)
        return {
            mart: _NOT_AS_IT_WAS
            for mart in context.policy.releases
            if has_later(session, mart=mart, than=context.as_of) and not _is_as_it_was(session, context, mart)
        }


_NOT_AS_IT_WAS = Finding(
    what="a later night is published, and this one is not as it was published then",
    count=0,
    next_step="leave the later release standing; what differs is told by: trustmart releases --diff",
)


def _is_as_it_was(session: Session, context: Context, mart: str) -> bool:
    """Return whether the past night's candidate has the members that it was published with."""
    members = _members_of(session, mart)
    return bool(members) and is_as_published(session, mart=mart, members=members, released_at=context.as_of)


def _members_of(session: Session, mart: str) -> str:
    """Return the table of who is in which class of a candidate; empty where nobody is: hand-written, noisy, learned."""
    name = f"{mart}__members"
    return f"restricted.{DOOR_SCHEMA}.{quoted(name)}" if session.columns("restricted", name, schema=DOOR_SCHEMA) else ""


def write_notices(session: Session, context: Context) -> None:
    """Tell analysts, beside the marts, since when each is told how coarsely, and what changed."""
    session.run("create table anonymized.notices (mart varchar, epoch bigint, since timestamp, notice varchar)")
    for epoch, at in epochs_of(context):
        since = naive_utc(datetime.fromisoformat(at))
        session.run(
            "insert into anonymized.notices values (?, ?, ?, ?)", [epoch.mart, epoch.number, since, epoch.notice]
        )
