"""Two implementations agree: the plain-Python rules of consent, and the SQL that runs in production."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import find, given, settings
from pydantic import SecretStr
from support.compiled import SmallWarehouse, small_warehouse
from support.consents import Crm, answers, crms

from trustmart.consent import Reason
from trustmart.pipeline.context import Context, open_context
from trustmart.pipeline.permission import not_permitted_now
from trustmart.policy import load_policy
from trustmart.settings import Settings

POLICY = load_policy(Path(__file__).resolve().parents[2] / "policy", environment={})
CRMS = crms(POLICY)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """Return the tools of a deployment."""
    folder = tmp_path_factory.mktemp("parity")
    return open_context(settings=Settings(data=folder, key=SecretStr("k" * 64)))


@pytest.fixture(scope="module")
def warehouse(context: Context) -> Iterator[SmallWarehouse]:
    """Return the production models over empty raw tables."""
    with small_warehouse(context, ["int_subject_purposes__decided", "int_subjects__permitted"]) as opened:
        opened.connection.execute("create table personal.everybody (subject_id varchar, audience varchar)")
        yield opened


@pytest.mark.parametrize("reason", list(Reason))
def test_the_generated_people_meet_every_reason(reason: Reason) -> None:
    """A comparison on data that never meets a rule proves nothing about it (S42)."""

    def somebody_has_it(crm: Crm) -> bool:
        return any(answer.reason is reason for answer in answers(POLICY, crm).values())

    assert find(CRMS, somebody_has_it)


@settings(max_examples=300)
@given(crm=CRMS)
def test_sql_and_python_give_every_person_and_purpose_the_same_reason(warehouse: SmallWarehouse, crm: Crm) -> None:
    """The night's SQL and the reference decide alike, whatever the CRM holds (S42)."""
    warehouse.fill(crm.tables)
    in_sql = warehouse.rows("select subject_id, purpose, reason from restricted.int_subject_purposes__decided")
    expected = {key: answer.reason for key, answer in answers(POLICY, crm).items()}
    assert {(subject, purpose): reason for subject, purpose, reason in in_sql} == expected
    assert len(in_sql) == len(expected)


@settings(max_examples=150)
@given(crm=CRMS)
def test_the_door_holds_the_proof_that_python_found(warehouse: SmallWarehouse, crm: Crm) -> None:
    """Whoever passes the door carries the consent event that proves it, and when it runs out (S42)."""
    warehouse.fill(crm.tables)
    in_sql = warehouse.rows(
        "select subject_id, purpose, evidence_event_id, decided_at, permitted_until"
        " from restricted.int_subjects__permitted order by all"
    )
    expected = []
    for (subject, purpose), answer in sorted(answers(POLICY, crm).items()):
        if answer.reason is Reason.PERMITTED:
            consent = answer.consent if POLICY.purposes[purpose].legal_basis.needs_consent else None
            proof = (consent.event_id, consent.decided_at, consent.expires_at) if consent else (None, None, None)
            expected.append((subject, purpose, *proof))
    assert in_sql == expected


@settings(max_examples=100)
@given(crm=CRMS)
def test_the_door_and_the_decision_at_the_send_agree_at_one_instant(
    warehouse: SmallWarehouse, context: Context, crm: Crm
) -> None:
    """Nobody in the door is refused at the send, and nobody outside of it would be accepted (S42)."""
    warehouse.fill(crm.tables)
    _put_everybody_into_the_personal_zone(warehouse)
    everybody = {subject for (subject,) in warehouse.rows("select distinct subject_id from personal.everybody")}
    for purpose in POLICY.purposes:
        refused = not_permitted_now(warehouse.session, _at(context, crm.at), "everybody", purpose)
        accepted = everybody - refused
        assert accepted == _in_the_door(warehouse, purpose)


@settings(max_examples=60)
@given(crm=CRMS)
def test_who_is_asked_alone_gets_the_same_answer(warehouse: SmallWarehouse, context: Context, crm: Crm) -> None:
    """An audience's own members are decided on as if everybody had been asked: a shared mailbox stays shared (S42)."""
    warehouse.fill(crm.tables)
    _put_everybody_into_the_personal_zone(warehouse)
    for purpose in POLICY.purposes:
        door = _in_the_door(warehouse, purpose)
        for subject in ("ann", "bob", "nobody the CRM knows"):
            refused = not_permitted_now(
                warehouse.session, _at(context, crm.at), "everybody", purpose, audience=f"only {subject}"
            )
            assert (subject in refused) == (subject not in door)


def test_consent_that_ran_out_since_the_marts_were_built_is_not_sent(
    warehouse: SmallWarehouse, context: Context
) -> None:
    """The send decides at its own instant, not at the night's (S42)."""
    at = datetime(2026, 11, 20, 12)
    ann = {
        "subject_id": "ann",
        "birth_date": datetime(1980, 1, 1).date(),
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
    warehouse.fill(Crm(at=at, customers=[ann], consent_events=[yes]).tables)
    _put_everybody_into_the_personal_zone(warehouse)
    assert _in_the_door(warehouse, "email_marketing") == {"ann"}
    for minutes, refused in ((0, set()), (24 * 60 - 1, set()), (24 * 60, {"ann"})):
        sent_at = _at(context, at, sent=at + timedelta(minutes=minutes))
        found = not_permitted_now(warehouse.session, sent_at, "everybody", "email_marketing")
        assert found & {"ann"} == refused


def _put_everybody_into_the_personal_zone(warehouse: SmallWarehouse) -> None:
    """Let a mart hold everybody, customers or not; each also stands in an audience of their own."""
    warehouse.connection.execute(
        "create or replace table personal.everybody as"
        " select distinct subject_id, 'only ' || subject_id as audience from restricted.raw_crm__customers"
        " union select 'nobody the CRM knows', 'only nobody the CRM knows'"
    )


def _in_the_door(warehouse: SmallWarehouse, purpose: str) -> set[str]:
    """Return who passes the door for a purpose."""
    rows = warehouse.rows(f"select subject_id from restricted.int_subjects__permitted where purpose = '{purpose}'")
    return {subject for (subject,) in rows}


def _at(context: Context, at: datetime, *, sent: datetime | None = None) -> Context:
    """Return the tools for a night, and the clock when its audiences are sent."""
    return replace(context, as_of=at.replace(tzinfo=UTC), now=(sent or at).replace(tzinfo=UTC))
