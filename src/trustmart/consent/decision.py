"""May this purpose use this person now? One answer, with its reason; whatever is not known is a no."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from trustmart.consent.events import ConsentRecord, ConsentState


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


class Rule(Protocol):
    """What a legal basis asks of a person before a use case may use them."""

    @property
    def needs_consent(self) -> bool:
        """True where the person must have said yes."""

    @property
    def lets_people_decide(self) -> bool:
        """True where it depends on the person: asked first, or able to object. Not so for a contract or a duty."""

    @property
    def objections(self) -> tuple[str, ...]:
        """Return the scopes of objection that end it."""

    @property
    def minimum_age(self) -> int:
        """Return the age that is asked for, beside that of digital consent; 0 where none is."""


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


def decide(rule: Rule, person: Circumstances, *, known_scopes: frozenset[str], at: datetime) -> Decision:
    """Decide for one person; contact points are judged elsewhere.

    known_scopes: the objection scopes that some purpose names. An objection whose scope nobody knows is against
    everything that people have a say in. Age: GDPR Art. 8 asks for the age of digital consent when consent was given; a
    purpose may ask for more.
    """
    return Decision(reason=_first_obstacle(rule, person, known_scopes, at) or Reason.PERMITTED)


def _first_obstacle(rule: Rule, person: Circumstances, known_scopes: frozenset[str], at: datetime) -> Reason | None:
    """Return the first thing in the way, or None."""
    if person.is_restricted:
        return Reason.RESTRICTED
    if obstacle := _obstacle_of_age(rule, person, at):
        return obstacle
    if not rule.lets_people_decide:
        return None
    if any(scope in rule.objections or scope not in known_scopes for scope in person.objections):
        return Reason.OBJECTED
    if not rule.needs_consent:
        return None
    if obstacle := _NO_CONSENT.get(person.consent.state):
        return obstacle
    decided_at = person.consent.decided_at
    if decided_at is None or not _was(person.age_of_digital_consent, person.birth_date, decided_at):
        return Reason.UNDER_AGE
    return None


def _obstacle_of_age(rule: Rule, person: Circumstances, at: datetime) -> Reason | None:
    """Return what is in the way of somebody's age: not known, or too young."""
    required = max(person.age_of_digital_consent if rule.lets_people_decide else 0, rule.minimum_age)
    if not required or _was(required, person.birth_date, at):
        return None
    return Reason.AGE_UNKNOWN if person.birth_date is None else Reason.UNDER_AGE


def _was(years: int, birth_date: date | None, at: datetime) -> bool:
    """True where somebody is known to have been that old."""
    return birth_date is not None and age(birth_date, at.date()) >= years


def age(birth_date: date, day: date) -> int:
    """Return full years; somebody born on 29 February turns a year older on 1 March where there is no 29th."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
