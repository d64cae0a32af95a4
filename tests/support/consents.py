"""Consent as people live it: generated events and CRMs, and the plain-Python answer for a whole CRM."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from trustmart.consent import Circumstances, ConsentEvent, ConsentRecord, Reason, decide, fold
from trustmart.legal_basis import Ground
from trustmart.policy import Policy

Row = dict[str, Any]

# Noon on an ordinary day, the end of a night, and both days on which somebody born on 29 February may turn older.
NIGHTS = (
    datetime(2026, 11, 20, 12),
    datetime(2026, 11, 20, 23, 59, 59),
    datetime(2027, 2, 28, 12),
    datetime(2027, 3, 1),
    datetime(2028, 2, 29, 12),
)

_SUBJECTS = ("ann", "bob", "eve")
_VALIDITIES = (730, 365, 390, 180)
_VALIDITY_CLAIMS = (730, 365, 30, 1, 0, -5, 10**12, -(10**12))
# Around every edge a rule has: now, the validities of the shipped purposes, and a year of childhood.
_AGES_OF_EVENTS = (
    timedelta(0),
    timedelta(seconds=1),
    timedelta(seconds=-1),
    timedelta(days=1),
    timedelta(days=-1),
    timedelta(days=30),
    timedelta(days=200),
    timedelta(days=-400),
    *(timedelta(days=days) for days in _VALIDITIES),
    *(timedelta(days=days) - timedelta(seconds=1) for days in _VALIDITIES),
    timedelta(days=1500),
)


def events(at: datetime) -> st.SearchStrategy[ConsentEvent]:
    """Generate consent events around an instant: ties, repeated ids, future dates, actions nobody knows."""
    return st.builds(
        ConsentEvent,
        event_id=st.sampled_from(["E1", "E2", "E3"]),
        action=st.sampled_from(["given", "given", "given", "withdrawn", "refused", "requested", "maybe", ""]),
        occurred_at=instants(at),
        ingested_as_of=instants(at),
        valid_for_days=validities(),
    )


def instants(at: datetime) -> st.SearchStrategy[datetime]:
    """Generate instants around every edge of the rules."""
    return st.sampled_from(_AGES_OF_EVENTS).map(lambda age: at - age)


def validities() -> st.SearchStrategy[int | None]:
    """Generate the validity an event claims: none, nonsense, sensible, and longer than any calendar."""
    return st.sampled_from([None, *_VALIDITY_CLAIMS])


class Crm:
    """What the raw tables hold on a night, column by canonical name; a column that is left out is null."""

    def __init__(self, at: datetime, **rows: list[Row]) -> None:
        """rows: of customers, consent_events, objections, privacy_requests, requests, erased_mailboxes."""
        self.at = at
        self.customers = rows.get("customers", [])
        self.consent_events = rows.get("consent_events", [])
        self.objections = rows.get("objections", [])
        self.privacy_requests = rows.get("privacy_requests", [])
        self.requests = rows.get("requests", [])
        self.erased_mailboxes = rows.get("erased_mailboxes", [])

    def __repr__(self) -> str:
        """Say how much there is; a whole CRM is no reading."""
        return f"<a CRM of {len(self.customers)} customer records at {self.at}>"

    @property
    def tables(self) -> dict[str, list[Row]]:
        """Return the rows of each table of the restricted zone."""
        return {
            "night": [{"as_of": self.at, "policy_version": "generated"}],
            "raw_crm__customers": self.customers,
            "raw_crm__consent_events": self.consent_events,
            "raw_crm__objections": self.objections,
            "raw_crm__privacy_requests": self.privacy_requests,
            "requests": self.requests,
            "erased_mailboxes": self.erased_mailboxes,
        }


def crms(policy: Policy, *, families: int) -> st.SearchStrategy[Crm]:
    """Generate CRMs, as dirty as a real one: so many families that share nothing but the night.

    Families are drawn from a seed, which is quick and even; many of them side by side cost one query.
    """
    seeds = st.integers(0, 2**32)
    return st.tuples(st.sampled_from(NIGHTS), seeds).map(lambda drawn: _side_by_side(policy, *drawn, families=families))


def _side_by_side(policy: Policy, at: datetime, seed: int, *, families: int) -> Crm:
    """Put families into one CRM; nobody shares a name, mailbox or street with another family."""
    crm = Crm(at=at)
    for number in range(families):
        for name, rows in _family(policy, at, random.Random(f"{number} {seed}")).items():
            crm.tables[name].extend(_named_apart(row, number) for row in rows)
    return crm


def _named_apart(row: Row, number: int) -> Row:
    """Prefix whatever could make two families meet."""
    apart = {name: f"{number}/{row[name]}" for name in ("subject_id", "email_mailbox", "street") if row.get(name)}
    return row | apart


def of_families(crm: Crm, subjects: Iterable[str]) -> dict[str, list[Row]]:
    """Return the rows of these people's families, to be looked at."""
    families = {subject.split("/")[0] for subject in subjects}
    return {
        name: [row for row in rows if str(row.get("subject_id") or row.get("email_mailbox")).split("/")[0] in families]
        for name, rows in crm.tables.items()
        if name != "night"
    }


def _family(policy: Policy, at: datetime, chance: random.Random) -> dict[str, list[Row]]:
    """Draw some people and what the CRM holds about them. Most have nothing against them: a no hides later rules."""
    some = chance.randrange

    def rarely(draw: Callable[[], Row]) -> list[Row]:
        return [draw() for _ in range(max(0, some(-5, 3)))]

    customers = [_customer(at, chance) for _ in range(some(1, 6))]
    return {
        # A digest of its own for each version, in an order that says nothing.
        "raw_crm__customers": [row | {"_row_digest": f"{(n * 7 + 3) % 11:02d}"} for n, row in enumerate(customers)],
        "raw_crm__consent_events": [_consent_event(policy, at, chance) for _ in range(some(12))],
        "raw_crm__objections": rarely(lambda: _objection(policy, at, chance)),
        "raw_crm__privacy_requests": rarely(lambda: _privacy_request(at, chance)),
        "requests": rarely(lambda: _own_request(policy, at, chance)),
        "erased_mailboxes": [{"email_mailbox": box} for box in ("a@x", "z@x") if some(4) == 0],
    }


def _customer(at: datetime, chance: random.Random) -> Row:
    """Draw a version of a customer; the same person may come several times."""
    pick = chance.choice
    return {
        "subject_id": pick(_SUBJECTS),
        "birth_date": _birth_date(at, chance),
        "country": pick(["DE", "DE", "DE", "AT", " no ", "Fr", "XX", " ", None]),
        "email_mailbox": pick(["a@x", "b@x", "c@x", "d@x", None]),
        "given_name": pick(["Ann", "ann", "ANN ", "Émile", "Bob", "", None]),
        "surname": "Smith",
        "street": "High St 1",
        "postcode": "1010",
        "city": pick(["Vienna", "Vienna", "Vienna", " "]),
        "updated_at": _instant(at, chance),
        "_ingested_as_of": _instant(at, chance),
    }


def _birth_date(at: datetime, chance: random.Random) -> date | None:
    """Draw a birthday: of grown-ups, on the edge of every age that matters, on leap days, in the future, unknown."""
    today = at.date()
    leap_days = [date(year, 2, 29) for year in (2000, 2008, 2012)]
    since = today - timedelta(days=chance.choice([0, 0, 200, 730]))
    edge = _years_before(since, chance.choice([13, 14, 15, 16, 18])) + timedelta(days=chance.choice([-1, 0, 1]))
    grown_up = [date(1950, 6, 1), date(1980, 1, 1)]
    return chance.choice(
        [*grown_up, *grown_up, edge, edge, chance.choice([*leap_days, None, today + timedelta(days=1)])]
    )


def _years_before(day: date, years: int) -> date:
    """Return the same day years ago; 28 February where there is no 29th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _instant(at: datetime, chance: random.Random) -> datetime:
    """Draw an instant: most of the recent past, some on an edge of the rules."""
    recent = timedelta(days=chance.choice([2, 5, 20]))
    return at - chance.choice([recent, chance.choice(_AGES_OF_EVENTS)])


def _consent_event(policy: Policy, at: datetime, chance: random.Random) -> Row:
    """Draw a consent event: in any case and with blanks, of purposes nobody knows, of people nobody knows."""
    pick = chance.choice
    return {
        "event_id_crm": pick(["E1", "E2", "E3", "é", "Ω"]),
        "subject_id": pick([*_SUBJECTS, *_SUBJECTS, "stranger"]),
        # Few purposes, so that several events meet.
        "purpose": pick([*["email_marketing"] * 5, " Email_Marketing", *policy.purposes, "unheard_of"]),
        "action": pick(
            [*["given"] * 5, " GIVEN ", "withdrawn", "Withdrawn ", "refused", "requested", "maybe", "", None]
        ),
        "occurred_at": _instant(at, chance),
        "_ingested_as_of": _instant(at, chance),
        "valid_for_days": pick([*[None] * 6, *_VALIDITY_CLAIMS]),
    }


def _objection(policy: Policy, at: datetime, chance: random.Random) -> Row:
    """Draw an objection: of any scope, of a scope nobody knows, of no scope at all."""
    return {
        "subject_id": chance.choice([*_SUBJECTS, "stranger"]),
        "scope": chance.choice([*sorted(known_scopes(policy)), " Loan_Offers ", "leave_me_alone", "", None]),
        "occurred_at": _instant(at, chance),
        "_ingested_as_of": _instant(at, chance),
    }


def _privacy_request(at: datetime, chance: random.Random) -> Row:
    """Draw a request of a data subject, of any kind and of kinds nobody knows."""
    kinds = ["access", "Portability ", "rectification", "erasure", "restriction", "freeze everything", "", None]
    return {
        "subject_id": chance.choice([*_SUBJECTS, "stranger"]),
        "kind": chance.choice(kinds),
        "received_at": _instant(at, chance),
        "_ingested_as_of": _instant(at, chance),
    }


def _own_request(policy: Policy, at: datetime, chance: random.Random) -> Row:
    """Draw a request that came in through Trustmart itself."""
    return {
        "subject_id": chance.choice(_SUBJECTS),
        "kind": chance.choice(["objection", "objection", "restriction", "erasure"]),
        "scope": chance.choice([*sorted(known_scopes(policy)), None]),
        "received_at": _instant(at, chance),
    }


def known_scopes(policy: Policy) -> frozenset[str]:
    """Return every objection scope that some purpose names."""
    return frozenset(scope for purpose in policy.purposes.values() for scope in purpose.objections)


# The reference: the rules for a whole CRM, one plain loop each.


@dataclass(frozen=True, kw_only=True)
class Answer:
    """May a use case use a person, and the consent it rests on."""

    reason: Reason
    consent: ConsentRecord


def answers(policy: Policy, grounds: Mapping[str, Ground], crm: Crm) -> dict[tuple[str, str], Answer]:
    """Return the answer for every customer and use case."""
    people = newest_versions(crm)
    found: dict[tuple[str, str], Answer] = {}
    for use_case, ground in grounds.items():
        decided = {subject: _decided(policy, crm, ground, row) for subject, row in people.items()}
        for subject, row in people.items():
            found[subject, use_case] = _after_contact_point(crm, ground, row, people, decided)
    return found


def newest_versions(crm: Crm) -> dict[str, Row]:
    """Return the newest version of each customer that the night may know of."""
    newest: dict[str, Row] = {}
    known = [row for row in crm.customers if row["_ingested_as_of"] <= crm.at or row["updated_at"] <= crm.at]
    for row in sorted(known, key=lambda row: (row["updated_at"], row["_ingested_as_of"], row["_row_digest"])):
        newest[row["subject_id"]] = row
    return newest


def _decided(policy: Policy, crm: Crm, rule: Ground, person: Row) -> Answer:
    """Decide for one person, as if nobody else were reached by the same contact point."""
    subject = person["subject_id"]
    consent = fold(_events_of(crm, subject, rule.purpose), at=crm.at, valid_for_days=rule.valid_for_days)
    circumstances = Circumstances(
        is_restricted=subject in _restricted(crm),
        birth_date=person["birth_date"],
        age_of_digital_consent=policy.age_of_digital_consent((_tidy(person["country"]) or "").upper()),
        objections=frozenset(_scopes_of(crm, subject)),
        consent=consent,
    )
    decision = decide(rule, circumstances, known_scopes=known_scopes(policy), at=crm.at)
    return Answer(reason=decision.reason, consent=consent)


def _after_contact_point(
    crm: Crm, rule: Ground, person: Row, people: Mapping[str, Row], decided: Mapping[str, Answer]
) -> Answer:
    """Ask last whether the person can be reached, and by a contact point of theirs alone."""
    answer = decided[person["subject_id"]]
    if answer.reason is not Reason.PERMITTED:
        return answer
    channel = rule.channel
    point = contact_point(person, channel)
    if point is None:
        return Answer(reason=Reason.NO_CONTACT_POINT, consent=answer.consent)
    sharing = [subject for subject, row in people.items() if contact_point(row, channel) == point]
    erased = {row["email_mailbox"] for row in crm.erased_mailboxes}
    alone = all(decided[subject].reason is Reason.PERMITTED for subject in sharing)
    if not alone or (channel == "email" and point in erased):
        return Answer(reason=Reason.SHARED_CONTACT_POINT, consent=answer.consent)
    return answer


def contact_point(person: Row, channel: str | None) -> str | None:
    """Return where a channel reaches a person: a mailbox, a letter box, or only the person as such."""
    if channel == "email":
        return person["email_mailbox"]
    if channel != "post":
        return person["subject_id"]
    parts = [_tidy(person[name]) for name in ("given_name", "surname", "street", "postcode", "city", "country")]
    return None if None in parts else "|".join(str(part) for part in parts).lower()


def _events_of(crm: Crm, subject: str, purpose: str) -> Iterable[ConsentEvent]:
    """Return a person's consent events for a purpose."""
    for row in crm.consent_events:
        if row["subject_id"] == subject and (_tidy(row["purpose"]) or "").lower() == purpose:
            yield ConsentEvent(
                event_id=row["event_id_crm"],
                action=(_tidy(row["action"]) or "unknown").lower(),
                occurred_at=row["occurred_at"],
                ingested_as_of=row["_ingested_as_of"],
                valid_for_days=row["valid_for_days"],
            )


def _scopes_of(crm: Crm, subject: str) -> Iterable[str]:
    """Return the scopes a person objects to; none is a scope nobody knows."""
    held = [
        (row["subject_id"], row["scope"], min(row["occurred_at"], row["_ingested_as_of"])) for row in crm.objections
    ]
    held += [
        (row["subject_id"], row["scope"], row["received_at"]) for row in crm.requests if row["kind"] == "objection"
    ]
    return [(_tidy(scope) or "").lower() for who, scope, since in held if who == subject and since <= crm.at]


def _restricted(crm: Crm) -> set[str]:
    """Return whose data is frozen: by request, by a request nobody understands, by an erasure still to come."""
    harmless: dict[str, bool] = defaultdict(bool, access=True, portability=True, rectification=True)
    held = [
        (row["subject_id"], (_tidy(row["kind"]) or "").lower(), min(row["received_at"], row["_ingested_as_of"]))
        for row in crm.privacy_requests
    ]
    held += [(row["subject_id"], row["kind"], row["received_at"]) for row in crm.requests if row["kind"] != "objection"]
    return {who for who, kind, since in held if since <= crm.at and not harmless[kind]}


def _tidy(text: str | None) -> str | None:
    """Return text without surrounding blanks; empty text is none."""
    return (text or "").strip(" ") or None
