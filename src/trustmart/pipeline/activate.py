"""Activate: tell each destination what changed in its audience, removals first, consent decided once more."""

import hashlib
import time
from typing import Any

from trustmart.audiences import AudienceDelta, AudienceSnapshot, change_id, delta
from trustmart.destinations import Destination, FileDestination, Receipt
from trustmart.errors import ActivationHeld, ModelsFailed
from trustmart.gates import inspect_audiences
from trustmart.pipeline.context import Context
from trustmart.pipeline.membership import Membership, permitted_rest, snapshot_now
from trustmart.pipeline.use_cases import findings_of_not_built
from trustmart.pipeline.waterfall import waterfall
from trustmart.warehouse import Session


def activate(context: Context, *, dry_run: bool = False) -> dict[str, Any]:
    """Send every audience's change and return the counts; a dry run sends and writes nothing.

    Raises ActivationHeld where a later night was sent already, DestinationError where a change is not taken,
    ModelsFailed where nothing has been built yet.
    """
    started = time.monotonic()
    if not dry_run:
        _refuse_to_go_back(context)
    reports = inspect_audiences(context.policy, context.warehouse, not_built=findings_of_not_built(context))
    held = {report.audience: list(report.reasons) for report in reports}
    with context.warehouse.session(writes="personal", reads=["restricted"]) as session:
        if not session.columns("restricted", "int_subject_use_cases__decided"):
            raise ModelsFailed("there are no audiences yet to send from. Build them: trustmart transform")
        membership = Membership(session)
        # Nobody stays where they are not sent any more, whatever happens to the audiences that are.
        audiences = [
            _take_back(context, membership, audience, destination, dry_run=dry_run)
            for audience, destination in membership.elsewhere(context.policy)
        ]
        audiences += [
            _activate_one(session, context, membership, audience, held.get(audience, []), dry_run=dry_run)
            for audience in context.policy.audiences
        ]
    report = {
        "as_of": context.as_of.isoformat(),
        "dry_run": dry_run,
        "audiences": audiences,
        "seconds": round(time.monotonic() - started, 2),
    }
    if dry_run:
        return report
    context.keep("activate", report)
    _raise_if_stranded(audiences)
    return report


def _take_back(
    context: Context, membership: Membership, audience: str, destination: str, *, dry_run: bool
) -> dict[str, Any]:
    """Have a destination remove everybody of an audience that policy does not send there any more."""
    place = context.policy.destinations.get(destination)
    stranded = 0
    change = AudienceDelta(audience=audience, removals=(), additions=(), kept=0)
    receipts: tuple[Receipt, ...] = ()
    reason = f"policy does not send {audience} to {destination} any more: whoever is there is told to leave"
    if place is None:
        stranded = len(membership.accepted(audience, destination))
        reason = (
            f"{stranded} people of {audience} are still at {destination}, which destinations.yml does not name any"
            " more. Put it back until they have been told to leave, then: trustmart activate"
        )
    else:
        target = FileDestination(context.settings.home / place.folder, place.may_receive)
        if not dry_run:
            _finish_what_was_begun(context, membership, target, audience, destination)
        nobody = AudienceSnapshot(audience=audience, members={})
        change = delta(nobody, membership.accepted(audience, destination))
        receipts = () if dry_run or change.is_empty else _send(context, membership, target, change, destination)
    return {
        "audience": audience,
        "title": f"{audience}, taken back from {destination}",
        "use_case": None,
        "legal_basis": None,
        "destination": destination,
        "waterfall": [],
        "addressable": 0,
        "suppressed": 0,
        "kept": stranded,
        "added": 0,
        "removed": len(change.removals),
        "withheld_at_send": 0,
        "sent": sum(receipt.accepted for receipt in receipts),
        "receipt": next((receipt.place for receipt in receipts if receipt.place), None),
        "reasons": [reason],
    }


def _raise_if_stranded(audiences: list[dict[str, Any]]) -> None:
    """Raise ActivationHeld where people stay at a place that cannot be told."""
    stranded = [row["reasons"][0] for row in audiences if row["use_case"] is None and row["kept"]]
    if stranded:
        raise ActivationHeld("\n".join(stranded))


def _activate_one(
    session: Session, context: Context, membership: Membership, audience: str, reasons: list[str], *, dry_run: bool
) -> dict[str, Any]:
    """Bring one destination from what it last accepted to what is permitted now.

    reasons: why the consent gate holds the audience, if it does. Then nobody is added, but whoever left is removed.
    """
    destination, place = _destination(context, audience), context.policy.audiences[audience].destination
    if not dry_run:
        _finish_what_was_begun(context, membership, destination, audience, place)
    accepted = membership.accepted(audience, place)
    if reasons:
        snapshot, withheld = permitted_rest(session, context, audience, accepted), 0
    else:
        snapshot, withheld = snapshot_now(session, context, audience)
    change = delta(snapshot, accepted)
    receipts = () if dry_run or change.is_empty else _send(context, membership, destination, change, place)
    sent = sum(receipt.accepted for receipt in receipts)
    steps = {"waterfall": [], "addressable": 0, "suppressed": 0}
    if not reasons:
        steps = waterfall(session, context.policy, audience, withheld=withheld, addressable=len(snapshot.members))
    return {
        **_described(context, audience),
        **steps,
        "kept": change.kept,
        "added": len(change.additions),
        "removed": len(change.removals),
        "withheld_at_send": withheld,
        "sent": sent,
        "receipt": next((receipt.place for receipt in reversed(receipts) if receipt.place), None),
        "reasons": reasons,
    }


def _send(
    context: Context, membership: Membership, destination: Destination, change: AudienceDelta, place: str
) -> tuple[Receipt, ...]:
    """Write the change down, tell the destination (removal first: nobody stays longer), remember what it accepted."""
    name = change_id(change, after=membership.last_change(change.audience))
    membership.begin(name, change, place)
    receipts = (
        destination.remove(change.audience, name, change.removals),
        destination.add(change.audience, name, change.additions),
    )
    _record(context, change.audience, name, receipts, place, proof=_proof(change))
    membership.finish(name, change.audience, removed=True, added=True)
    return receipts


def _finish_what_was_begun(
    context: Context, membership: Membership, destination: Destination, audience: str, place: str
) -> None:
    """After a crash: what reached the destination is remembered as accepted; what did not is decided anew."""
    for name in membership.unfinished(audience, place):
        removed = destination.receipt(audience, name, "remove")
        added = destination.receipt(audience, name, "add")
        receipts = tuple(receipt for receipt in (removed, added) if receipt is not None)
        if receipts:
            _record(context, audience, name, receipts, place, proof="finished after a crash")
        membership.finish(name, audience, removed=removed is not None, added=added is not None)


def _record(
    context: Context, audience: str, name: str, receipts: tuple[Receipt, ...], place: str, *, proof: str
) -> None:
    """Write the activation into the ledger, once."""
    if any(entry.facts["change_id"] == name for entry in context.ledger.entries("activation")):
        return
    counts = {receipt.operation: receipt.accepted for receipt in receipts}
    rule = context.policy.audiences.get(audience)
    facts = {
        "change_id": name,
        "audience": audience,
        "destination": place,
        "use_case": rule.use_case if rule else None,
        "legal_basis": context.statuses[rule.use_case].verdict.legal_basis.value if rule else None,
        "policy_version": context.policy.version,
        "added": counts.get("add", 0),
        "removed": counts.get("remove", 0),
        "proof": proof,
    }
    context.ledger.record("activation", facts, at=context.as_of)


def _proof(change: AudienceDelta) -> str:
    """Return the digest of who left and by what right; the rows behind it are in personal.members."""
    digest = hashlib.sha256()
    for member in change.additions:
        digest.update(f"{member.member_id} {member.legal_basis} {member.evidence_event_id}\n".encode())
    return digest.hexdigest()


def _refuse_to_go_back(context: Context) -> None:
    """A past night can be rebuilt and looked at, but never sent: people have decided since."""
    last = context.ledger.last("activation")
    if last is not None and last.at > context.as_of.isoformat():
        raise ActivationHeld(
            f"audiences were already sent as of {last.at}; what was permitted at {context.as_of.isoformat()}"
            " is history. To see what it would have been: trustmart activate --dry-run"
        )


def _destination(context: Context, audience: str) -> Destination:
    """Open an audience's destination."""
    rule = context.policy.audiences[audience]
    place = context.policy.destinations[rule.destination]
    return FileDestination(context.settings.home / place.folder, rule.columns)


def _described(context: Context, audience: str) -> dict[str, Any]:
    """Return what policy says of an audience."""
    rule = context.policy.audiences[audience]
    return {
        "audience": audience,
        "title": rule.title,
        "use_case": rule.use_case,
        "legal_basis": context.statuses[rule.use_case].verdict.legal_basis.value,
        "destination": rule.destination,
    }
