"""Put an earlier release back, as one publication of its own: readers get bytes they have had before, nothing new."""

from collections.abc import Sequence
from typing import Any

from trustmart.errors import ReleaseUnknown, RollbackHeld
from trustmart.ledger import Sealed
from trustmart.pipeline.context import Context
from trustmart.pipeline.manifest import columns_told, head, name_of
from trustmart.pipeline.publication import publish, settle
from trustmart.pipeline.releases import find_release
from trustmart.pipeline.shown import list_releases
from trustmart.pipeline.standing import standing_facts
from trustmart.pipeline.use_cases import findings_of_not_built
from trustmart.pipeline.verification import content_faults
from trustmart.warehouse import Session
from trustmart.warehouse.contents import columns_in


def rollback(
    context: Context, release_id: str, *, reason: str, mart: str | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """Let readers have what an earlier release published, whole or one mart of it, and return what that changes.

    The history of members stays: the next night is compared with all that readers ever had. Raises ReleaseUnknown,
    ReleasesBroken, and RollbackHeld where policy would not let it go now. reason: goes into manifest and ledger.
    """
    with context.warehouse.exclusive():
        settle(context)
        target, last = find_release(context, release_id), context.releases.newest()
        marts = _marts_of(target, mart)
        others = [name for name in _published(last) if name not in marts and name in context.policy.releases]
        kept = others if mart is not None else []
        _raise_if_held(context, target, marts, _altered(context, last, kept))
        report = {
            "back_to": target.release_id,
            "put_back": marts,
            "kept": kept,
            "taken_away": [name for name in _published(last) if name not in (*marts, *kept)],
            "release_id": None,
        }
        if dry_run:
            return report
        sealed = publish(
            context,
            lambda session: _fill(session, context, target, last, marts=marts, kept=kept, reason=reason),
            archived=context.releases.published_file(target.number),
        )
    return {**report, "release_id": sealed.release_id, "release_number": sealed.number}


def _marts_of(target: Sealed, mart: str | None) -> list[str]:
    """Return the marts that are put back; raises ReleaseUnknown."""
    published = list(target.manifest["published"])
    if mart is not None and mart not in published:
        raise ReleaseUnknown(f"{target.release_id} did not publish {mart}; it published: {', '.join(published)}")
    return published if mart is None else [mart]


def _published(sealed: Sealed | None) -> list[str]:
    """Return the marts that readers have."""
    return list(sealed.manifest["published"]) if sealed else []


def _altered(context: Context, last: Sealed | None, kept: Sequence[str]) -> list[str]:
    """Say which of the marts that should stay are not as they were released: a new seal must not cover that."""
    if not kept:
        return []
    with context.warehouse.published({"standing": context.warehouse.path("anonymized")}) as session:
        altered = [mart for mart in kept if standing_facts(session, "standing", mart, last) is None]
    return [f"{mart}, which would stay, is not as it was released: put the last release back first" for mart in altered]


def _raise_if_held(context: Context, target: Sealed, marts: Sequence[str], reasons: list[str]) -> None:
    """Raise where what was published then is not kept, not whole, or would not be let go under today's policy.

    reasons: what speaks against it already.
    """
    path = context.releases.published_file(target.number)
    if not path.exists():
        raise ReleaseUnknown(f"what {target.release_id} published is not kept any longer; see: trustmart releases")
    with context.warehouse.published({"archived": path}) as session:
        faults = list(content_faults(session, "archived", target))
    reasons = reasons + [f"what is kept of {target.release_id} is not as it was: {fault}" for fault in faults]
    not_built = findings_of_not_built(context)
    for mart in marts:
        if mart in not_built:
            reasons.append(f"{mart}: {not_built[mart].what}")
        reasons += [f"{mart}: {why}" for why in _against_policy(context, target.manifest["published"][mart], mart)]
    if reasons:
        listing = "\n".join(f"  {reason}" for reason in reasons)
        raise RollbackHeld(
            f"{target.release_id} is not put back, and readers keep what they have:\n{listing}\n"
            f"One mart alone: trustmart rollback {target.release_id} --mart NAME"
        )


def _against_policy(context: Context, facts: dict[str, Any], mart: str) -> list[str]:
    """Return why today's policy would not let a mart go as it was published then."""
    release = context.policy.releases.get(mart)
    if release is None:
        return ["policy does not list it any more"]
    reasons = []
    if release.minimum_class_size > facts["minimum_class_size"]:
        reasons.append(
            f"policy asks for classes of {release.minimum_class_size} now, it was {facts['minimum_class_size']} then"
        )
    allowed = columns_told(context.policy, mart)
    strange = [column for column, told in facts["columns"].items() if allowed.get(column) != told]
    if strange or not facts["columns"]:
        listing = ", ".join(strange) or "nobody knows what they were made of"
        reasons.append(f"policy does not allow these columns as they were: {listing}")
    return reasons


def _fill(
    session: Session,
    context: Context,
    target: Sealed,
    last: Sealed | None,
    *,
    marts: Sequence[str],
    kept: Sequence[str],
    reason: str,
) -> dict[str, Any]:
    """Fill the new anonymized zone from the earlier release and, where one mart goes back, from what stands."""
    at = context.as_of.isoformat()
    published = {mart: {**target.manifest["published"][mart], "put_back_at": at} for mart in marts}
    for mart in marts:
        session.run(f"create table anonymized.{mart} as from archived.{mart}")
    for mart in kept:
        if (facts := standing_facts(session, "previous", mart, last)) is not None:
            session.run(f"create table anonymized.{mart} as from previous.{mart}")
            published[mart] = facts
    _write_notices(session, marts, kept)
    facts = {**head(context, "rollback"), "back_to": target.release_id, "reason": reason, "put_back": list(marts)}
    facts |= {"verdicts": {}, "published": published}
    list_releases(session, context, published, older="as it was")
    return {**facts, "release_id": name_of(facts, f"{context.as_of:%Y%m%dT%H%M%SZ}")}


def _write_notices(session: Session, marts: Sequence[str], kept: Sequence[str]) -> None:
    """Tell readers of the epochs that what they have is from."""
    session.run("create table anonymized.notices as from archived.notices where list_contains(?, mart)", [list(marts)])
    if kept and columns_in(session, "previous", "notices"):
        session.run("insert into anonymized.notices from previous.notices where list_contains(?, mart)", [list(kept)])
