"""Consent events, folded into the state that holds at an instant (ISO/IEC TS 27560 keeps them as events too).

Events come late, twice, out of order, in any UTC offset, and dated in the future. The rules:
- only `given` grants; `requested` decides nothing; every other action, known or not, is a no;
- the decision with the newest date counts; at the same instant a no beats a yes;
- a yes dated in the future does not count yet; a no that we hold counts already, and no yes dated before it undoes it;
- a yes runs out after the shorter of its own validity and the purpose's.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

GRANTING = "given"
UNDECIDED = "requested"

# A hundred years. A longer validity says nothing more, and a clock overflows with it.
LONGEST_VALIDITY_DAYS = 36_500


class ConsentState(StrEnum):
    """Where a person stands with a purpose; only GRANTED permits anything."""

    UNKNOWN = "unknown"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    GRANTED = "granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """One event as the CRM reported it. Instants are UTC; `ingested_as_of` is the night in which we got it."""

    event_id: str
    action: str
    occurred_at: datetime
    ingested_as_of: datetime
    valid_for_days: int | None = None

    @property
    def decides(self) -> bool:
        """True where the event says yes or no."""
        return self.action != UNDECIDED

    @property
    def grants(self) -> bool:
        """True where the event says yes."""
        return self.action == GRANTING

    @property
    def effective_at(self) -> datetime:
        """Return from when the event counts."""
        return self.occurred_at if self.grants else min(self.occurred_at, self.ingested_as_of)

    @property
    def rank(self) -> tuple[datetime, bool, str, str, float]:
        """Return what the newest decision has most of: its date, then no before yes; the rest only settles ties."""
        days = math.inf if self.valid_for_days is None else self.valid_for_days
        return self.occurred_at, not self.grants, self.event_id, self.action, -days


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """The state at an instant, and the event that proves it."""

    state: ConsentState
    event_id: str | None = None
    decided_at: datetime | None = None
    expires_at: datetime | None = None


def fold(events: Iterable[ConsentEvent], *, at: datetime, valid_for_days: int | None) -> ConsentRecord:
    """Return the state of one person and one purpose at an instant.

    valid_for_days: the purpose's validity; None where neither it nor the event says one means consent has expired.
    """
    decisions = [event for event in events if event.decides and event.effective_at <= at]
    if not decisions:
        return ConsentRecord(state=ConsentState.UNKNOWN)
    # The first delivery of an event that came twice.
    newest = max(sorted(decisions, key=lambda event: event.ingested_as_of), key=lambda event: event.rank)
    if not newest.grants:
        state = ConsentState.WITHDRAWN if newest.action == "withdrawn" else ConsentState.DENIED
        return ConsentRecord(state=state, event_id=newest.event_id, decided_at=newest.effective_at)
    validities = [days for days in (newest.valid_for_days, valid_for_days) if days is not None]
    days = min(max(min(validities, default=0), 0), LONGEST_VALIDITY_DAYS)
    expires_at = newest.effective_at + timedelta(days=days)
    return ConsentRecord(
        state=ConsentState.GRANTED if at < expires_at else ConsentState.EXPIRED,
        event_id=newest.event_id,
        decided_at=newest.effective_at,
        expires_at=expires_at,
    )
