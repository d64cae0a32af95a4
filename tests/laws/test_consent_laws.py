"""Laws of consent, whatever the events are: what a yes is worth, what a no ends, and who may never be used."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from support.consents import events, instants, validities
from trustmart.consent import Circumstances, ConsentEvent, ConsentRecord, ConsentState, Reason, decide, fold
from trustmart.consent.decision import age
from trustmart.legal_basis import Ground, LegalBasis
from trustmart.policy import Channel

AT = datetime(2026, 11, 20, 12)
EVENTS = st.lists(events(AT), max_size=6)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SCOPES = frozenset({"direct_marketing", "profiling"})

NEWS = Ground(
    use_case="news",
    purpose="news",
    legal_basis=LegalBasis.CONSENT,
    valid_for_days=730,
    objections=("direct_marketing",),
    channel=Channel.EMAIL,
    minimum_age=0,
)
LETTERS = replace(
    NEWS,
    use_case="letters",
    purpose="letters",
    legal_basis=LegalBasis.LEGITIMATE_INTEREST,
    valid_for_days=None,
    channel=Channel.POST,
    minimum_age=18,
)
ACCOUNTS = replace(LETTERS, use_case="accounts", purpose="accounts", legal_basis=LegalBasis.CONTRACT, objections=())
PURPOSES = st.sampled_from([NEWS, LETTERS, ACCOUNTS])

BIRTH_DATES = st.one_of(st.none(), st.dates(date(1930, 1, 1), date(2030, 1, 1)), st.just(date(2012, 2, 29)))
RECORDS = EVENTS.map(lambda held: fold(held, at=AT, valid_for_days=730))
PEOPLE = st.builds(
    Circumstances,
    is_restricted=st.booleans(),
    birth_date=BIRTH_DATES,
    age_of_digital_consent=st.integers(13, 18),
    objections=st.frozensets(st.sampled_from(["direct_marketing", "profiling", "unheard_of", ""]), max_size=2),
    consent=RECORDS,
)
WILLING = Circumstances(
    is_restricted=False,
    birth_date=date(1980, 1, 1),
    age_of_digital_consent=16,
    consent=ConsentRecord(state=ConsentState.GRANTED, event_id="E1", decided_at=AT - DAY, expires_at=AT + DAY),
)


def event(action: str, occurred_at: datetime = AT, **changes: object) -> ConsentEvent:
    """Return an event that came in at once."""
    made = ConsentEvent(event_id="E1", action=action, occurred_at=occurred_at, ingested_as_of=occurred_at)
    return replace(made, **changes)


def state(*held: ConsentEvent, at: datetime = AT, valid_for_days: int | None = 730) -> ConsentState:
    """Return the state these events add up to."""
    return fold(held, at=at, valid_for_days=valid_for_days).state


@given(held=EVENTS, again=st.lists(st.integers(0, 5)), valid=validities(), shuffle=st.randoms(use_true_random=False))
def test_order_and_redelivery_change_nothing(held, again, valid, shuffle) -> None:
    """Events late, twice and in any order fold to the same record, proof included (S42)."""
    redelivered = [held[n] for n in again if n < len(held)]
    mixed = [*held, *redelivered]
    shuffle.shuffle(mixed)
    assert fold(mixed, at=AT, valid_for_days=valid) == fold(held, at=AT, valid_for_days=valid)


@given(held=EVENTS, late=st.timedeltas(timedelta(0), timedelta(days=900)), position=st.integers(0, 5))
def test_an_event_delivered_again_later_changes_nothing(held, late, position) -> None:
    """The first delivery counts: a redelivered event does not become a new decision (S42)."""
    assume(position < len(held))
    first = held[position]
    again = replace(first, ingested_as_of=first.ingested_as_of + late)
    assert fold([again, *held], at=AT, valid_for_days=730) == fold(held, at=AT, valid_for_days=730)


@given(held=EVENTS, yes=instants(AT), wait=st.sampled_from([timedelta(0), SECOND, 400 * DAY]), came=instants(AT))
def test_a_withdrawal_at_or_after_a_yes_always_ends_it(held, yes, wait, came) -> None:
    """Whatever else is held, a withdrawal we hold, dated at or after the last yes, leaves no consent (S42)."""
    held = [old for old in held if not old.grants or old.occurred_at <= yes]
    withdrawn = event("withdrawn", yes + wait, ingested_as_of=came, event_id="E0")
    assume(withdrawn.effective_at <= AT)
    assert state(event("given", yes), *held, withdrawn) is not ConsentState.GRANTED


def test_a_withdrawal_dated_in_the_future_outlives_a_yes_before_its_date() -> None:
    """A wrong clock must not revive consent: the no counts at once, and still on its own date (S42)."""
    no = event("withdrawn", AT + 30 * DAY, ingested_as_of=AT, event_id="E1")
    yes = event("given", AT + 10 * DAY, ingested_as_of=AT + 10 * DAY, event_id="E2")
    for at in (AT, AT + 10 * DAY, AT + 30 * DAY, AT + 31 * DAY):
        assert state(yes, no, at=at) is ConsentState.WITHDRAWN
    later = event("given", AT + 40 * DAY, event_id="E3")
    assert state(yes, no, later, at=AT + 40 * DAY) is ConsentState.GRANTED


@given(held=EVENTS, asked=instants(AT))
def test_being_asked_decides_nothing(held, asked) -> None:
    """`requested` neither gives nor takes consent, whenever it happened (S42)."""
    asking = event("requested", asked, event_id="E9")
    assert fold([*held, asking], at=AT, valid_for_days=730) == fold(held, at=AT, valid_for_days=730)
    assert state(asking) is ConsentState.UNKNOWN


@given(action=st.sampled_from(["", "GIVEN", "given ", "yes", "renewed", "refused", "withdrawn"]), held=EVENTS)
def test_an_action_nobody_knows_is_a_no(action: str, held) -> None:
    """Only the one word `given` says yes; anything new is refused until somebody has read it (S42)."""
    newest = event(action, AT, event_id="E9")
    held = [old for old in held if old.occurred_at <= AT]
    assert state(*held, newest) in (ConsentState.DENIED, ConsentState.WITHDRAWN)


@given(held=EVENTS, ahead=st.timedeltas(timedelta(microseconds=1), timedelta(days=4000)), came=instants(AT))
def test_a_yes_in_the_future_does_not_count_yet(held, ahead, came) -> None:
    """Consent dated after the instant is as if we did not hold it (S42)."""
    future = event("given", AT + ahead, ingested_as_of=came, event_id="E9")
    assert fold([*held, future], at=AT, valid_for_days=730) == fold(held, at=AT, valid_for_days=730)


@given(ahead=st.timedeltas(timedelta(0), timedelta(days=4000)), action=st.sampled_from(["withdrawn", "refused", "?"]))
def test_a_no_counts_from_when_we_got_it(ahead, action) -> None:
    """A no with a date in the future takes effect in the night it comes in, and not a second before (S42)."""
    yes = event("given", AT - 90 * DAY, event_id="E8")
    no = event(action, AT + ahead, ingested_as_of=AT, event_id="E9")
    assert state(yes, no, at=AT) is not ConsentState.GRANTED
    assert state(yes, no, at=AT - SECOND) is ConsentState.GRANTED


@given(own=validities(), purpose=st.one_of(st.none(), st.integers(1, 900)))
def test_consent_ends_at_the_very_instant_it_runs_out(own: int | None, purpose: int | None) -> None:
    """Consent stands up to, and not at, its expiry: the shorter of its own validity and the purpose's (S42)."""
    days = max(0, min((v for v in (own, purpose) if v is not None), default=0))
    assume(days < 1000)
    yes = event("given", valid_for_days=own)
    expiry = AT + timedelta(days=days)
    assert fold([yes], at=AT, valid_for_days=purpose).expires_at == expiry
    assert state(yes, at=expiry, valid_for_days=purpose) is ConsentState.EXPIRED
    if days:
        before = expiry - timedelta(microseconds=1)
        assert state(yes, at=before, valid_for_days=purpose) is ConsentState.GRANTED


@given(own=st.integers(-(10**18), 10**18))
def test_no_validity_breaks_the_calendar(own: int) -> None:
    """A validity of nonsense in one row is no reason for a night to stop (S42)."""
    yes = event("given", valid_for_days=own)
    expected = ConsentState.GRANTED if own > 0 else ConsentState.EXPIRED
    assert state(yes, valid_for_days=None) is expected
    assert state(yes, valid_for_days=730) is expected


@given(held=EVENTS, offset=st.integers(-14 * 60, 14 * 60), valid=validities())
def test_offsets_do_not_matter(held, offset: int, valid) -> None:
    """The same instants, told in any UTC offset, give the same answer (S42)."""
    zone = timezone(timedelta(minutes=offset))

    def told_elsewhere(instant: datetime) -> datetime:
        return instant.replace(tzinfo=UTC).astimezone(zone)

    moved = [
        replace(e, occurred_at=told_elsewhere(e.occurred_at), ingested_as_of=told_elsewhere(e.ingested_as_of))
        for e in held
    ]
    here = fold(held, at=AT, valid_for_days=valid)
    there = fold(moved, at=AT.replace(tzinfo=UTC), valid_for_days=valid)
    assert (there.state, there.event_id) == (here.state, here.event_id)
    assert (there.expires_at and there.expires_at.astimezone(UTC).replace(tzinfo=None)) == here.expires_at


@given(held=EVENTS, purpose=PURPOSES, person=PEOPLE, no=events(AT))
def test_another_no_never_opens_a_door(held, purpose, person, no) -> None:
    """Adding a refusal to what we hold cannot turn somebody who is not permitted into one who is (S42)."""
    assume(not no.grants)
    before = replace(person, consent=fold(held, at=AT, valid_for_days=purpose.valid_for_days))
    after = replace(person, consent=fold([*held, no], at=AT, valid_for_days=purpose.valid_for_days))
    if not decide(purpose, before, known_scopes=SCOPES, at=AT).permitted:
        assert not decide(purpose, after, known_scopes=SCOPES, at=AT).permitted


@given(purpose=PURPOSES, person=PEOPLE, scope=st.sampled_from(["direct_marketing", "profiling", "unheard_of", ""]))
def test_another_objection_or_restriction_never_opens_a_door(purpose, person, scope) -> None:
    """Neither an objection nor a restriction can make somebody permitted who was not (S21)."""
    objecting = replace(person, objections=person.objections | {scope})
    frozen = replace(person, is_restricted=True)
    if not decide(purpose, person, known_scopes=SCOPES, at=AT).permitted:
        assert not decide(purpose, objecting, known_scopes=SCOPES, at=AT).permitted
    assert decide(purpose, frozen, known_scopes=SCOPES, at=AT).reason is Reason.RESTRICTED


@given(purpose=PURPOSES, person=PEOPLE)
def test_nobody_under_age_is_ever_permitted(purpose, person) -> None:
    """Permitted means: old enough now, for the law and the purpose, and old enough when consent was given (S41)."""
    if not decide(purpose, person, known_scopes=SCOPES, at=AT).permitted:
        return
    assert person.birth_date is not None
    assert age(person.birth_date, AT.date()) >= max(
        person.age_of_digital_consent if purpose.lets_people_decide else 0, purpose.minimum_age
    )
    if purpose.needs_consent:
        assert person.consent.state is ConsentState.GRANTED
        assert person.consent.decided_at is not None
        assert age(person.birth_date, person.consent.decided_at.date()) >= person.age_of_digital_consent


@given(purpose=st.sampled_from([NEWS, LETTERS]), scope=st.text(max_size=10))
def test_an_objection_of_a_scope_nobody_knows_stops_everything(purpose, scope: str) -> None:
    """What we cannot read, we honour in full; a scope that only other purposes name leaves this one alone (S21)."""
    objecting = replace(WILLING, objections=frozenset({scope}))
    reason = decide(purpose, objecting, known_scopes=SCOPES, at=AT).reason
    stopped = scope in purpose.objections or scope not in SCOPES
    assert reason is (Reason.OBJECTED if stopped else Reason.PERMITTED)
    assert decide(purpose, WILLING, known_scopes=SCOPES, at=AT).reason is Reason.PERMITTED


@given(person=PEOPLE)
def test_a_contract_asks_for_no_consent_and_ends_by_no_objection(person) -> None:
    """What a contract needs depends on no yes and no no: only a restriction stops it, and an age it asks for (S20)."""
    asking_for_nothing = replace(ACCOUNTS, minimum_age=0)
    reason = decide(asking_for_nothing, person, known_scopes=SCOPES, at=AT).reason
    assert reason is (Reason.RESTRICTED if person.is_restricted else Reason.PERMITTED)
    grown_up = decide(ACCOUNTS, replace(person, birth_date=None), known_scopes=SCOPES, at=AT).reason
    assert grown_up is (Reason.RESTRICTED if person.is_restricted else Reason.AGE_UNKNOWN)


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (replace(WILLING, is_restricted=True, birth_date=None), Reason.RESTRICTED),
        (replace(WILLING, birth_date=None), Reason.AGE_UNKNOWN),
        (replace(WILLING, birth_date=date(2011, 1, 1)), Reason.UNDER_AGE),
        (replace(WILLING, objections=frozenset({"direct_marketing"})), Reason.OBJECTED),
        (replace(WILLING, consent=ConsentRecord(state=ConsentState.UNKNOWN)), Reason.NOT_ASKED),
        (replace(WILLING, consent=ConsentRecord(state=ConsentState.DENIED)), Reason.DENIED),
        (replace(WILLING, consent=ConsentRecord(state=ConsentState.WITHDRAWN)), Reason.WITHDRAWN),
        (replace(WILLING, consent=ConsentRecord(state=ConsentState.EXPIRED)), Reason.EXPIRED),
        (replace(WILLING, consent=replace(WILLING.consent, decided_at=None)), Reason.UNDER_AGE),
        (WILLING, Reason.PERMITTED),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_the_first_thing_in_the_way_is_the_reason(person: Circumstances, reason: Reason) -> None:
    """Every obstacle has a reason of its own, asked in the order in which they are listed (S41)."""
    assert decide(NEWS, person, known_scopes=SCOPES, at=AT).reason is reason


@pytest.mark.parametrize(
    ("birth_date", "day", "years"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 11, 20), date(2026, 11, 19), 17),
        (date(2008, 11, 20), date(2026, 11, 20), 18),
        (date(2026, 11, 21), date(2026, 11, 20), -1),
    ],
)
def test_a_birthday_on_a_leap_day_is_on_the_first_of_march(birth_date: date, day: date, years: int) -> None:
    """Nobody is a day too old; somebody born on 29 February turns older on 1 March (S41)."""
    assert age(birth_date, day) == years


@given(born=st.dates(date(1930, 1, 1), date(2020, 1, 1)), day=st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_age_never_goes_down_and_grows_by_one_a_year(born: date, day: date) -> None:
    """A day later nobody is younger; 366 days later everybody is older (S41)."""
    assert 0 <= age(born, day + DAY) - age(born, day) <= 1
    assert age(born, day + 366 * DAY) >= age(born, day) + 1


def test_consent_given_as_a_child_does_not_grow_up() -> None:
    """Who was too young when they agreed must be asked again, however old they are now (S41)."""
    born = AT.date().replace(year=AT.year - 17)
    as_a_child = fold([event("given", AT - 400 * DAY)], at=AT, valid_for_days=730)
    grown = replace(WILLING, birth_date=born, age_of_digital_consent=16, consent=as_a_child)
    assert decide(NEWS, grown, known_scopes=SCOPES, at=AT).reason is Reason.UNDER_AGE
    asked_again = fold([event("given", AT - 30 * DAY)], at=AT, valid_for_days=730)
    assert decide(NEWS, replace(grown, consent=asked_again), known_scopes=SCOPES, at=AT).permitted
