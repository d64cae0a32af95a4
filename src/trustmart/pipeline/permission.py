"""Consent decided once more, in Python, from the newest events: the second of two implementations that must agree."""

from collections.abc import Iterable
from datetime import date, datetime

import pyarrow as pa

from trustmart.consent import Circumstances, ConsentEvent, Decision, Reason, decide, fold
from trustmart.legal_basis import Ground
from trustmart.pipeline.context import Context
from trustmart.policy import Policy
from trustmart.warehouse import Session, naive_utc


def known_scopes(policy: Policy) -> frozenset[str]:
    """Return every objection scope that some purpose names."""
    return frozenset(scope for purpose in policy.purposes.values() for scope in purpose.objections)


def not_permitted_now(session: Session, context: Context, table: str, use_case: str, *, audience: str = "") -> set[str]:
    """Return who stands in a table of the personal zone and may not be used for its use case at this instant.

    Needs `personal` and `restricted` open; audience: look at that audience's rows only. Nobody may be where the use
    case may not run. Whoever cannot be reached, or only where somebody is reached too who does not permit the use or
    was erased, is not permitted either.
    """
    session.run(
        f"create or replace temp table asked as select distinct subject_id from personal.{table}"
        + (" where audience = ?" if audience else ""),
        [audience] if audience else (),
    )
    if use_case not in context.grounds:
        return {subject for (subject,) in session.rows("select subject_id from asked")}
    _add_people_at_the_same_contact_point(session, use_case)
    decisions = decide_asked(session, context, context.grounds[use_case])
    refused = {subject for subject, decision in decisions.items() if not decision.permitted}
    return refused | _who_shares_with(session, refused, use_case) | _unreachable(session, use_case)


def decide_asked(session: Session, context: Context, rule: Ground) -> dict[str, Decision]:
    """Decide for everybody in temp table `asked` (subject_id); somebody the zone does not know is restricted."""
    policy, at = context.policy, naive_utc(context.sends_at)
    scopes = known_scopes(policy)
    events = _events(session, rule.purpose)
    objections = _objections(session, at)
    frozen = _frozen(session, at)
    decisions = {
        subject: Decision(reason=Reason.RESTRICTED) for (subject,) in session.rows("select subject_id from asked")
    }
    for subject, birth_date, country in _people(session, at):
        circumstances = Circumstances(
            is_restricted=subject in frozen,
            birth_date=birth_date,
            age_of_digital_consent=policy.age_of_digital_consent(country),
            objections=frozenset(objections.get(subject, ())),
            consent=fold(events.get(subject, ()), at=at, valid_for_days=rule.valid_for_days),
        )
        decisions[subject] = decide(rule, circumstances, known_scopes=scopes, at=at)
    return decisions


def _people(session: Session, at: datetime) -> Iterable[tuple[str, date | None, str | None]]:
    """Return birth date and country of everybody asked for, from the newest record that may be known at an instant."""
    return session.rows(
        "select subject_id, birth_date, country from restricted.stg_crm__customers"
        " where (ingested_as_of <= ? or updated_at <= ?) and subject_id in (select subject_id from asked)"
        " qualify row_number() over"
        " (partition by subject_id order by updated_at desc, ingested_as_of desc, row_digest desc) = 1",
        [at, at],
    )


def _events(session: Session, purpose: str) -> dict[str, list[ConsentEvent]]:
    """Return the consent events of everybody asked for, for one purpose."""
    events: dict[str, list[ConsentEvent]] = {}
    for subject, event_id, action, occurred_at, ingested_as_of, days in session.rows(
        "select subject_id, event_id_crm, action, occurred_at, ingested_as_of, valid_for_days"
        " from restricted.stg_crm__consent_events"
        " where purpose = ? and subject_id in (select subject_id from asked)",
        [purpose],
    ):
        events.setdefault(subject, []).append(
            ConsentEvent(
                event_id=event_id,
                action=action,
                occurred_at=occurred_at,
                ingested_as_of=ingested_as_of,
                valid_for_days=days,
            )
        )
    return events


def _objections(session: Session, at: datetime) -> dict[str, list[str]]:
    """Return the scopes each person asked for objects to."""
    scopes: dict[str, list[str]] = {}
    for subject, scope in session.rows(
        "select subject_id, coalesce(scope, '') from restricted.stg_crm__objections"
        " where effective_at <= ? and subject_id in (select subject_id from asked)",
        [at],
    ):
        scopes.setdefault(subject, []).append(scope)
    return scopes


def _frozen(session: Session, at: datetime) -> set[str]:
    """Return who asked for restriction, or for something nobody knows, or to be erased."""
    rows = session.rows(
        "select distinct subject_id from restricted.stg_crm__privacy_requests"
        " where effective_at <= ? and kind not in ('access', 'portability', 'rectification')"
        " and subject_id in (select subject_id from asked)",
        [at],
    )
    return {subject for (subject,) in rows}


_CONTACT_POINTS = (
    "select subject_id, contact_point from restricted.int_subject_use_cases__decided"
    " where use_case = ? and contact_point is not null"
)


def _add_people_at_the_same_contact_point(session: Session, use_case: str) -> None:
    """Ask for those too who are reached by the same mailbox or letter box."""
    session.run(
        f"insert into asked with points as ({_CONTACT_POINTS})"
        " select distinct other.subject_id from points as mine join points as other using (contact_point)"
        " where mine.subject_id in (select subject_id from asked)"
        " and other.subject_id not in (select subject_id from asked)",
        [use_case],
    )


def _who_shares_with(session: Session, refused: set[str], use_case: str) -> set[str]:
    """Return who is reached by the same contact point as somebody who refuses."""
    if not refused:
        return set()
    session.register("refused", pa.table({"subject_id": pa.array(sorted(refused), pa.string())}))
    rows = session.rows(
        f"with points as ({_CONTACT_POINTS}) select distinct other.subject_id"
        " from points as mine join refused using (subject_id) join points as other using (contact_point)",
        [use_case],
    )
    session.unregister("refused")
    return {subject for (subject,) in rows}


def _unreachable(session: Session, use_case: str) -> set[str]:
    """Return who of those asked for has no contact point, or only the mailbox of somebody who was erased."""
    rows = session.rows(
        f"with points as ({_CONTACT_POINTS}) select subject_id from asked where subject_id not in"
        " (select subject_id from points where contact_point not in (select email_mailbox from"
        " restricted.stg_trustmart__erased_mailboxes where email_mailbox is not null))",
        [use_case],
    )
    return {subject for (subject,) in rows}
