"""Snapshots and their difference. Members are known by a keyed id of what a destination is told about them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What a destination is told of a person, and by what right. Never shown: it has no readable repr."""

    member_id: str
    fields: Mapping[str, str] = field(repr=False, hash=False)
    subject_id: str = field(repr=False)
    legal_basis: str
    evidence_event_id: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceSnapshot:
    """Everybody in an audience at an instant, by member id."""

    audience: str
    members: Mapping[str, Member] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceDelta:
    """What a destination must be told so that it holds the snapshot, in the order in which it is told."""

    audience: str
    removals: tuple[Member, ...] = field(repr=False)
    additions: tuple[Member, ...] = field(repr=False)
    kept: int

    @property
    def is_empty(self) -> bool:
        """True where the destination already holds the snapshot."""
        return not self.removals and not self.additions


def delta(snapshot: AudienceSnapshot, accepted: Mapping[str, Member]) -> AudienceDelta:
    """Return the change from what was last accepted to the snapshot, sorted by member id."""
    now, before = snapshot.members.keys(), accepted.keys()
    return AudienceDelta(
        audience=snapshot.audience,
        removals=tuple(accepted[member] for member in sorted(before - now)),
        additions=tuple(snapshot.members[member] for member in sorted(now - before)),
        kept=len(now & before),
    )


def change_id(change: AudienceDelta, *, after: str) -> str:
    """Return the name of a change (16 hex characters): the same change after the same one has the same name."""
    digest = hashlib.sha256(f"{change.audience}\n{after}\n".encode())
    for sign, members in (("-", change.removals), ("+", change.additions)):
        for member in members:
            digest.update(f"{sign}{member.member_id}\n".encode())
    return digest.hexdigest()[:16]
