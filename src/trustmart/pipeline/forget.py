"""Forget: erase who asked to be erased, and take out of personal marts whoever is no longer permitted."""

import time
from collections import Counter
from datetime import UTC, timedelta
from typing import Any

import pyarrow as pa

from trustmart.identity import derive_key
from trustmart.pipeline.context import Context
from trustmart.pipeline.people import customer_tombstone, mailbox_tombstone, parts_of_record
from trustmart.pipeline.permission import not_permitted_now
from trustmart.pipeline.publication import settle
from trustmart.pipeline.use_cases import drop_what_may_not_be, personal_marts_that_may_be
from trustmart.warehouse import Session, ensure_bookkeeping, naive_utc
from trustmart.warehouse.release_history import ensure_release_history, forget_members


def forget(context: Context) -> dict[str, Any]:
    """Make every erasure, objection, restriction and withdrawal we hold take effect, and return the counts.

    Personal marts are cleared before the restricted zone: the requests stand there, so a crash in between repeats them.
    """
    started = time.monotonic()
    settle(context)
    with context.warehouse.session(writes="restricted") as session:
        ensure_bookkeeping(session)
        erased = _erasures_due(session, context)
    withdrawn = _withdraw_from_personal_marts(context, [subject for subject, _, _ in erased])
    with context.warehouse.session(writes="restricted") as session:
        _erase(session, context, erased)
        _mark_erased_mailboxes(session, context)
        report = _report(session, context)
        _prove_erasures(session, context)
    seconds = round(time.monotonic() - started, 2)
    return context.keep("forget", {**report, "withdrawn_from_audiences": withdrawn, "seconds": seconds})


def _erasures_due(session: Session, context: Context) -> list[tuple[str, str, str]]:
    """Return (subject id, source, customer number) of everybody who asked to be erased, whatever the date on it."""
    queries = ["select subject_id, source, customer_id_crm from restricted.requests where kind = 'erasure'"]
    for source in context.policy.sources:
        if session.columns("restricted", f"raw_{source}__privacy_requests"):
            queries.append(
                f"select subject_id, '{source}', customer_id_crm from restricted.raw_{source}__privacy_requests"
                " where lower(trim(kind)) = 'erasure'"
            )
    return [(row[0], row[1], row[2]) for row in session.rows(" union ".join(queries) + " order by all")]


def _withdraw_from_personal_marts(context: Context, erased: list[str]) -> int:
    """Delete from the personal marts who is erased or not permitted any more; return how many rows that were."""
    if not context.warehouse.path("personal").exists():
        return 0
    removed = 0
    with context.warehouse.session(writes="personal", reads=["restricted"]) as session:
        for name, mart in context.policy.personal_marts.items():
            if f'personal."main"."{name}"' not in session.tables_with("personal", "subject_id"):
                continue
            leaving = set(erased) | not_permitted_now(session, context, name, mart.use_case)
            removed += _delete_subjects(session, [f"personal.{name}"], sorted(leaving))
        drop_what_may_not_be(session, may_stay=personal_marts_that_may_be(context))
    return removed


def _erase(session: Session, context: Context, erased: list[tuple[str, str, str]]) -> None:
    """Leave tombstones and delete every row of these people, and count them, in one transaction."""
    if not erased:
        return
    ensure_release_history(session)
    key = derive_key(context.settings.secret_key, "tombstone")
    subjects = [subject for subject, _, _ in erased]
    with session.transaction():
        _register_subjects(session, subjects)
        marks = {("customer", customer_tombstone(source, customer, key)) for _, source, customer in erased}
        marks |= {("mailbox", mailbox_tombstone(box, key)) for box in _mailboxes_of_leaving(session, context)}
        at = naive_utc(context.as_of)
        kinds, digests = zip(*sorted(marks), strict=True)
        session.register("marks", pa.table({"kind": pa.array(kinds), "digest": pa.array(digests)}))
        session.run("insert into restricted.tombstones select kind, digest, ?, ? from marks", [at, at])
        session.unregister("marks")
        # No release has this instant, so the gate can tell who was forgotten from who left.
        forget_members(session, "leaving", at=context.as_of - timedelta(microseconds=1))
        session.unregister("leaving")
        records = _customer_records(session, context, subjects)
        rows = _delete_subjects(session, _tables_of_people(session), subjects)
        rows += _delete_unreadable(session, erased)
        session.run("insert into restricted.erasures values (?, ?, ?, ?)", [at, len(erased), rows, records])
    session.run("checkpoint restricted")


def _prove_erasures(session: Session, context: Context) -> None:
    """Write into the ledger what was erased and is not there yet: a crash may have come between the two."""
    erasures = session.rows("select night, requests, rows_erased from restricted.erasures order by night, rowid")
    proved = Counter(
        (entry.at, entry.facts["people"], entry.facts["rows"]) for entry in context.ledger.entries("erasure")
    )
    for night, people, rows in erasures:
        at = night.replace(tzinfo=UTC)
        if proved[at.isoformat(), people, rows]:
            proved[at.isoformat(), people, rows] -= 1
        else:
            context.ledger.record("erasure", {"people": people, "rows": rows}, at=at)


def _customer_records(session: Session, context: Context, subjects: list[str]) -> int:
    """Count the customer records that will be erased, so that the night's customers still add up."""
    _register_subjects(session, subjects)
    raws = [f"raw_{source}__customers" for source in context.policy.sources]
    records = sum(
        session.value(f"select count(*) from restricted.{raw} where subject_id in (select subject_id from leaving)")
        for raw in raws
        if session.columns("restricted", raw)
    )
    session.unregister("leaving")
    return int(records)


def _tables_of_people(session: Session) -> list[str]:
    """Return every table of the restricted zone that names people, whoever made it."""
    return session.tables_with("restricted", "subject_id")


def _delete_subjects(session: Session, tables: list[str], subjects: list[str]) -> int:
    """Delete the rows of these people from tables; return how many there were."""
    if not subjects:
        return 0
    _register_subjects(session, subjects)
    removed = 0
    for table in tables:
        where = f"from {table} where subject_id in (select subject_id from leaving)"
        removed += session.value(f"select count(*) {where}")
        session.run(f"delete {where}")
    session.unregister("leaving")
    return removed


def _delete_unreadable(session: Session, erased: list[tuple[str, str, str]]) -> int:
    """Delete the quarantined records of nobody known in which these people's numbers stand; return how many."""
    numbers: dict[str, set[str]] = {}
    for _, source, customer in erased:
        numbers.setdefault(source, set()).add(customer.strip())
    digests = [
        digest
        for source, digest, record in session.rows(
            "select source, digest, record from restricted.quarantine where subject_id is null"
        )
        if not numbers.get(source, set()).isdisjoint(parts_of_record(record))
    ]
    session.register("unreadable", pa.table({"digest": pa.array(digests, pa.string())}))
    session.run(
        "delete from restricted.quarantine where subject_id is null and digest in (select digest from unreadable)"
    )
    session.unregister("unreadable")
    return len(digests)


def _register_subjects(session: Session, subjects: list[str]) -> None:
    """Let statements read the people who leave."""
    session.register("leaving", pa.table({"subject_id": pa.array(subjects, pa.string())}))


def _mailboxes_of_leaving(session: Session, context: Context) -> list[str]:
    """Return the mailboxes of the people who leave."""
    boxes: list[str] = []
    for source in context.policy.sources:
        raw = f"raw_{source}__customers"
        if "email_mailbox" in session.columns("restricted", raw):
            rows = session.rows(
                f"select distinct email_mailbox from restricted.{raw} where email_mailbox is not null"
                " and subject_id in (select subject_id from leaving)"
            )
            boxes += [box for (box,) in rows]
    return boxes


def _mark_erased_mailboxes(session: Session, context: Context) -> None:
    """Find out which mailboxes of living customers an erased one used too: nobody is written to there."""
    key = derive_key(context.settings.secret_key, "tombstone")
    digests = {digest for (digest,) in session.rows("select digest from restricted.tombstones where kind = 'mailbox'")}
    boxes: set[str] = set()
    for source in context.policy.sources:
        raw = f"raw_{source}__customers"
        if digests and "email_mailbox" in session.columns("restricted", raw):
            rows = session.rows(f"select distinct email_mailbox from restricted.{raw} where email_mailbox is not null")
            boxes |= {box for (box,) in rows if mailbox_tombstone(box, key) in digests}
    session.register("boxes", pa.table({"email_mailbox": pa.array(sorted(boxes), pa.string())}))
    session.run("create or replace table restricted.erased_mailboxes as select email_mailbox from boxes")
    session.unregister("boxes")


def _report(session: Session, context: Context) -> dict[str, Any]:
    """Count who is forgotten, objecting, restricted and withdrawn as of now."""
    at = naive_utc(context.as_of)
    tonight, before, marks = session.rows(
        "select coalesce(sum(requests) filter (night = ?), 0), coalesce(sum(requests) filter (night < ?), 0),"
        " (select count(*) from restricted.tombstones) from restricted.erasures",
        [at, at],
    )[0]
    rows = session.value("select coalesce(sum(rows_erased), 0) from restricted.erasures where night = ?", [at])
    sources = [name for name in context.policy.sources if session.columns("restricted", f"raw_{name}__objections")]
    return {
        "as_of": context.as_of.isoformat(),
        "erased": int(tonight),
        "erased_before": int(before),
        "tombstones": int(marks),
        "rows_erased": int(rows),
        "objecting": _count_people(session, sources, "objections", "true", "kind = 'objection'"),
        "restricted": _count_people(
            session, sources, "privacy_requests", "lower(kind) = 'restriction'", "kind = 'restriction'"
        ),
        "withdrawn": _count_people(session, sources, "consent_events", "lower(action) = 'withdrawn'", "false"),
    }


def _count_people(session: Session, sources: list[str], table: str, where: str, own: str) -> int:
    """Count the people in a raw table of any source, or in our own requests, who fit a condition."""
    queries = [f"select subject_id from restricted.requests where {own}"]
    queries += [f"select subject_id from restricted.raw_{source}__{table} where {where}" for source in sources]
    return int(session.value(f"select count(distinct subject_id) from ({' union all '.join(queries)})"))
