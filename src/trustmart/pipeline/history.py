"""What is remembered of releases: who was in which class, in which epoch, and what analysts were told of it."""

from collections.abc import Sequence
from datetime import datetime

from trustmart.anonymizing.words import quoted
from trustmart.gates import Memory
from trustmart.gates.thresholds import RELEASES_REMEMBERED
from trustmart.pipeline.context import Context
from trustmart.pipeline.door import epochs_of
from trustmart.warehouse import DOOR_SCHEMA, Session, naive_utc
from trustmart.warehouse.release_history import ensure_release_history, prune, remember, take_back


def memory_of(context: Context) -> Memory:
    """Return what the gate must know of earlier releases: whose recoding is the same, and how many there were."""
    tonight, last = recodings_of(context), {}
    counts: dict[str, int] = {}
    for entry in context.ledger.entries("release"):
        if entry.at == context.as_of.isoformat():
            continue  # this very night, told again
        for mart, facts in entry.facts["marts"].items():
            if facts["verdict"] == "released" and facts.get("is_remembered"):
                last[mart] = facts.get("recoding")
                counts[mart] = counts.get(mart, 0) + 1
    same = {mart: digest for mart, digest in tonight.items() if digest and last.get(mart) == digest}
    return Memory(epochs=same, releases={mart: min(number, RELEASES_REMEMBERED) for mart, number in counts.items()})


def recodings_of(context: Context) -> dict[str, str]:
    """Return the digest of the recoding that each mart was made with tonight."""
    made = (context.kept("transform") or {}).get("door", ())
    return {row["mart"]: row["recoding"] for row in made if row.get("recoding")}


def remember_release(context: Context, marts: Sequence[str], release_id: str) -> None:
    """Take down who is in which published class of the marts that were just released."""
    with context.warehouse.session(writes="restricted") as session:
        ensure_release_history(session)
        for mart in marts:
            members = f"{mart}__members"
            if not session.columns("restricted", members, schema=DOOR_SCHEMA):
                continue  # hand-written, noisy or learned: nobody is in a class of it
            place = f"restricted.{DOOR_SCHEMA}.{quoted(members)}"
            remember(session, mart=mart, members=place, released_at=context.as_of, release_id=release_id)
            prune(session, mart=mart, keep=RELEASES_REMEMBERED)


def take_back_this_night(context: Context) -> None:
    """A night that is released again is compared with the releases before it, not with itself."""
    if not context.warehouse.path("restricted").exists():
        return  # there was no night at all; whoever reads next says so
    with context.warehouse.session(writes="restricted") as session:
        ensure_release_history(session)
        take_back(session, released_at=context.as_of)


def write_notices(session: Session, context: Context) -> None:
    """Tell analysts, beside the marts, since when each is told how coarsely, and what changed."""
    session.run("create table anonymized.notices (mart varchar, epoch bigint, since timestamp, notice varchar)")
    for epoch, at in epochs_of(context):
        since = naive_utc(datetime.fromisoformat(at))
        session.run(
            "insert into anonymized.notices values (?, ?, ?, ?)", [epoch.mart, epoch.number, since, epoch.notice]
        )
