"""May this purpose use this person now? One answer, with its reason; whatever is not known is a no."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from trustmart.consent.events import ConsentRecord, ConsentState
from trustmart.policy import Purpose


class Reason(StrEnum):
    """Why a purpose may use a person, or why not; listed in the order in which they are asked."""

    RESTRICTED = "restricted"
    AGE_UNKNOWN = "age_unknown"
    UNDER_AGE = "under_age"
    OBJECTED = "objected"
    NOT_ASKED = "not_asked"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    NO_CONTACT_POINT = "no_contact_point"
    SHARED_CONTACT_POINT = "shared_contact_point"
    PERMITTED = "permitted"


_NO_CONSENT = {
    ConsentState.UNKNOWN: Reason.NOT_ASKED,
    ConsentState.DENIED: Reason.DENIED,
    ConsentState.WITHDRAWN: Reason.WITHDRAWN,
    ConsentState.EXPIRED: Reason.EXPIRED,
}


_NEVER_ASKED = ConsentRecord(state=ConsentState.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a person when a purpose asks for them."""

    is_restricted: bool
    birth_date: date | None
    age_of_digital_consent: int
    objections: frozenset[str] = frozenset()
    consent: ConsentRecord = _NEVER_ASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer for one person and one purpose."""

    reason: Reason

    @property
    def permitted(self) -> bool:
        """True where the purpose may use the person."""
        return self.reason is Reason.PERMITTED


def decide(purpose: Purpose, person: Circumstances, *, known_scopes: frozenset[str], at: datetime) -> Decision:
    """Decide for one person; contact points are judged elsewhere.

    known_scopes: the objection scopes that some purpose names. An objection whose scope nobody knows is against
    everything. Age: GDPR Art. 8 asks for the age of digital consent when consent was given; a purpose may ask for more.
    """
    return Decision(reason=_first_obstacle(purpose, person, known_scopes, at) or Reason.PERMITTED)


def _first_obstacle(
    purpose: Purpose, person: Circumstances, known_scopes: frozenset[str], at: datetime
) -> Reason | None:
    """Return the first thing in the way, or None."""
    if person.is_restricted:
        return Reason.RESTRICTED
    if person.birth_date is None:
        return Reason.AGE_UNKNOWN
    required = max(person.age_of_digital_consent, purpose.minimum_age or 0)
    if age(person.birth_date, at.date()) < required:
        return Reason.UNDER_AGE
    if any(scope in purpose.objections or scope not in known_scopes for scope in person.objections):
        return Reason.OBJECTED
    if not purpose.legal_basis.needs_consent:
        return None
    if obstacle := _NO_CONSENT.get(person.consent.state):
        return obstacle
    decided_at = person.consent.decided_at
    if decided_at is None or age(person.birth_date, decided_at.date()) < person.age_of_digital_consent:
        return Reason.UNDER_AGE
    return None


def age(birth_date: date, day: date) -> int:
    """Return full years; somebody born on 29 February turns a year older on 1 March where there is no 29th."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
