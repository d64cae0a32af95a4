"""Two implementations agree: the plain-Python rules of consent, and the SQL that runs in production."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from pydantic import SecretStr

from support.compiled import SmallWarehouse, small_warehouse
from support.consents import Answer, Crm, answers, crms, of_families
from support.signed_policy import policy_with_everything_signed
from trustmart.consent import ConsentRecord, ConsentState, Reason
from trustmart.legal_basis import grounds_of, statuses_of
from trustmart.pipeline.context import Context, open_context
from trustmart.pipeline.permission import not_permitted_now
from trustmart.policy import load_policy
from trustmart.settings import Settings

# Every use case that the policy knows, the unsigned ones too: each kind of legal basis that lets people through.
POLICY = load_policy(policy_with_everything_signed(), environment={})
GROUNDS = grounds_of(POLICY, statuses_of(POLICY))
CRMS = crms(POLICY, families=25)
NO_CONSENT = ConsentRecord(state=ConsentState.UNKNOWN)

# A rule of the SQL, and what somebody could make of it by mistake.
PLANTED = {
    "a yes beats a no at the same instant": ("is_grant asc", "is_grant desc"),
    "the oldest decision counts": ("occurred_at desc", "occurred_at asc"),
    "the event that came last counts": ("occurred_at desc, is_grant", "ingested_as_of desc, is_grant"),
    "a no waits for its date": ("else least(occurred_at, ingested_as_of)", "else occurred_at"),
    "consent lasts a second too long": ("night.as_of < newest.runs_out_at", "night.as_of <= newest.runs_out_at"),
    "the longer validity counts": ("least(numbered.valid_for_days", "greatest(numbered.valid_for_days"),
    "an action nobody knows is nothing": ("where action <> 'requested'", "where action in ('given', 'withdrawn')"),
    "an objection of a scope nobody knows is nothing": ("not in (select scope from scopes)", "= 'nothing'"),
    "an objection in the future is nothing": ("least(occurred_at, _ingested_as_of)", "occurred_at"),
    "a request nobody understands is nothing": ("not in ('access', 'portability'", "in ('restriction', 'portability'"),
    "the age at the time of consent is not asked": ("coalesce(age_at_consent, -1) <", "-1 >"),
    "the purpose's own age is not asked": (
        "greatest(\n            use_cases.minimum_age,",
        "greatest(\n            0,",
    ),
    "the age of digital consent is asked of nobody": ("then customers.age_of_digital_consent else 0", "then 0 else 0"),
    "somebody who objects cannot have an account": ("lets_people_decide and is_objecting", "is_objecting"),
    "somebody born on 29 February is a day older": (
        "* 100 + extract(day from customers",
        "* 100 - 1 + extract(day from customers",
    ),
    "a country nobody knows is the laxest": (
        "coalesce(ages.age_of_digital_consent, 18)",
        "coalesce(ages.age_of_digital_consent, 13)",
    ),
    "no birth date is grown up": ("(birth_date is null or age_now is null)", "false"),
    "an older version of the customer counts": (
        "order by updated_at desc, ingested",
        "order by updated_at asc, ingested",
    ),
    "an address shared with a no may be used": ("contact_points.all_permit = 0", "false"),
    "an address of somebody erased may be used": ("erased.email_mailbox is not null", "false"),
    "somebody without an address is permitted": ("when decided.contact_point is null then", "when false then"),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """Return the tools of a deployment."""
    folder = tmp_path_factory.mktemp("parity")
    settings_of_its_own = Settings(data=folder, policy=policy_with_everything_signed(), key=SecretStr("k" * 64))
    return open_context(settings=settings_of_its_own)


@pytest.fixture(scope="module")
def warehouse(context: Context) -> Iterator[SmallWarehouse]:
    """Return the production models over empty raw tables."""
    with small_warehouse(context, ["int_subject_use_cases__decided", "int_subjects__permitted"]) as opened:
        yield opened


def test_sql_and_python_give_every_person_and_use_case_the_same_reason(warehouse: SmallWarehouse) -> None:
    """The night's SQL and the reference decide alike, whatever the CRM holds, and with the same proof (S42)."""
    met: set[Reason] = set()

    @settings(max_examples=25)
    @given(crm=CRMS)
    def they_agree(crm: Crm) -> None:
        expected = answers(POLICY, GROUNDS, crm)
        _refuse_disagreement(crm, _decided_in_sql(warehouse, crm), expected)
        assert _proofs(warehouse) == _expected_proofs(expected)
        met.update(answer.reason for answer in expected.values())

    they_agree()
    assert met == set(Reason), "a comparison on people who never meet a rule proves nothing about it"


@pytest.mark.slow
@pytest.mark.parametrize("mistake", PLANTED)
def test_a_planted_mistake_in_the_sql_is_noticed(warehouse: SmallWarehouse, mistake: str) -> None:
    """The comparison can fail: each rule, got wrong in the SQL, shows as a disagreement (S42)."""
    right, wrong = PLANTED[mistake]
    changed = [statement.replace(right, wrong) for statement in warehouse.builds]
    assert changed != warehouse.builds, "the SQL reads differently now: plant the mistake anew"

    @settings(max_examples=60, phases=[Phase.generate], database=None)
    @given(crm=CRMS)
    def they_agree(crm: Crm) -> None:
        _refuse_disagreement(crm, _decided_in_sql(warehouse, crm, builds=changed), answers(POLICY, GROUNDS, crm))

    with pytest.raises(Disagreement):
        they_agree()


def test_the_door_and_the_decision_at_the_send_agree_at_one_instant(
    warehouse: SmallWarehouse, context: Context
) -> None:
    """Nobody in the door is refused at the send, and nobody outside would be accepted, whoever else is asked (S42)."""

    @settings(max_examples=8)
    @given(crm=CRMS)
    def they_agree(crm: Crm) -> None:
        warehouse.night(crm.tables)
        _put_everybody_into_the_personal_zone(warehouse)
        at_the_send = replace(context, as_of=_utc(crm.at), now=_utc(crm.at))
        questions = [(use_case, "") for use_case in GROUNDS]
        # Asked alone, people at the same mailbox or letter box must still be thought of.
        questions += [(name, "the anns and the strangers") for name in ("email_marketing", "loan_offers")]
        for use_case, audience in questions:
            asked = _members(warehouse, audience)
            refused = not_permitted_now(warehouse.session, at_the_send, "everybody", use_case, audience=audience)
            wrong = (asked - refused) ^ (asked & _in_the_door(warehouse, use_case))
            assert not wrong, f"{use_case}: {sorted(wrong)} of {of_families(crm, wrong)} at {crm.at}"

    they_agree()


def test_consent_that_ran_out_since_the_marts_were_built_is_not_sent(
    warehouse: SmallWarehouse, context: Context
) -> None:
    """The send decides at its own instant, not at the night's (S42)."""
    at = datetime(2026, 11, 20, 12)
    ann = {
        "subject_id": "ann",
        "birth_date": date(1980, 1, 1),
        "country": "DE",
        "email_mailbox": "ann@x",
        "updated_at": at,
        "_ingested_as_of": at,
        "_row_digest": "1",
    }
    yes = {
        "event_id_crm": "E1",
        "subject_id": "ann",
        "purpose": "email_marketing",
        "action": "given",
        "occurred_at": at - timedelta(days=9),
        "_ingested_as_of": at,
        "valid_for_days": 10,
    }
    warehouse.night(Crm(at=at, customers=[ann], consent_events=[yes]).tables)
    _put_everybody_into_the_personal_zone(warehouse)
    assert _in_the_door(warehouse, "email_marketing") == {"ann"}
    for minutes, refused in ((0, set()), (24 * 60 - 1, set()), (24 * 60, {"ann"})):
        at_the_send = replace(context, as_of=_utc(at), now=_utc(at + timedelta(minutes=minutes)))
        found = not_permitted_now(warehouse.session, at_the_send, "everybody", "email_marketing")
        assert found & {"ann"} == refused


class Disagreement(AssertionError):
    """The two implementations do not say the same."""


def _refuse_disagreement(
    crm: Crm, in_sql: list[tuple[str, str, str]], expected: Mapping[tuple[str, str], Answer]
) -> None:
    """Raise where the SQL says something else than the reference, and show the families it is about."""
    said = {(subject, use_case): reason for subject, use_case, reason in in_sql}
    python = {key: answer.reason for key, answer in expected.items()}
    differences = {key: (said.get(key), python.get(key)) for key in said | python if said.get(key) != python.get(key)}
    if differences or len(said) != len(in_sql):
        people = [subject for subject, _ in differences]
        raise Disagreement(f"(SQL, Python) differ: {differences}\n{of_families(crm, people)} at {crm.at}")


def _decided_in_sql(
    warehouse: SmallWarehouse, crm: Crm, *, builds: list[str] | None = None
) -> list[tuple[str, str, str]]:
    """Return subject, use case and reason of everybody the SQL decides on."""
    warehouse.night(crm.tables, builds=builds)
    return warehouse.rows("select subject_id, use_case, reason from restricted.int_subject_use_cases__decided")


def _proofs(warehouse: SmallWarehouse) -> list[tuple[Any, ...]]:
    """Return what the door says of everybody in it: the event that proves it, and from when to when it stands."""
    return warehouse.rows(
        "select subject_id, use_case, evidence_event_id, decided_at, permitted_until"
        " from restricted.int_subjects__permitted order by subject_id, use_case"
    )


def _expected_proofs(expected: Mapping[tuple[str, str], Answer]) -> list[tuple[Any, ...]]:
    """Return what the door must say; a use case that does not need consent has no event."""
    proofs = []
    for (subject, use_case), answer in sorted(expected.items()):
        if answer.reason is Reason.PERMITTED:
            consent = answer.consent if GROUNDS[use_case].needs_consent else NO_CONSENT
            proofs.append((subject, use_case, consent.event_id, consent.decided_at, consent.expires_at))
    return proofs


def _put_everybody_into_the_personal_zone(warehouse: SmallWarehouse) -> None:
    """Let a mart hold everybody, customers or not; some of them in an audience of their own."""
    warehouse.connection.execute(
        "create or replace table personal.everybody as select distinct subject_id,"
        " case when subject_id like '%ann' or subject_id like '%stranger' then 'the anns and the strangers' end"
        " as audience from (select subject_id from restricted.raw_crm__customers union all"
        " select subject_id from restricted.raw_crm__consent_events union all select 'stranger')"
    )


def _members(warehouse: SmallWarehouse, audience: str) -> set[str]:
    """Return who stands in an audience, or in any."""
    rows = warehouse.rows(f"select subject_id from personal.everybody where '{audience}' in (audience, '')")
    return {subject for (subject,) in rows}


def _in_the_door(warehouse: SmallWarehouse, use_case: str) -> set[str]:
    """Return who passes the door for a use case."""
    rows = warehouse.rows(f"select subject_id from restricted.int_subjects__permitted where use_case = '{use_case}'")
    return {subject for (subject,) in rows}


def _utc(moment: datetime) -> datetime:
    """Say that an instant is UTC."""
    return moment.replace(tzinfo=UTC)
