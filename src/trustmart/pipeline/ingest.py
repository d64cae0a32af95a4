"""Ingest: take in what the CRM has new; every row is loaded or quarantined, and both are counted."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from trustmart.errors import ConfigurationError
from trustmart.pipeline.context import Context
from trustmart.pipeline.intake import Intake
from trustmart.pipeline.people import People
from trustmart.sources import Delivery, deliveries, read_ahead
from trustmart.warehouse import Session, ensure_bookkeeping, naive_utc

Progress = Callable[[str, int], None]

# Tables in which people tell us to stop: the forget stage acts on them.
_RIGHTS_TABLES = frozenset({"objections", "privacy_requests"})


def ingest(context: Context, *, source: str | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Take in every source (or one), each in one transaction, and return what came in.

    Raises SourceError where an extract cannot be read at all, AccountingMismatch where rows do not add up; either way
    the zone is as it was before.
    """
    started = time.monotonic()
    if source is not None and source not in context.policy.sources:
        raise ConfigurationError(f"policy/sources.yml has no source {source!r}")
    with context.warehouse.session(writes="restricted") as session:
        # A page is too small to share out: with two threads one waits busily for the other (and for Python's lock,
        # which the reader of the next page holds), at a third more time.
        session.run("set threads = 1")
        ensure_bookkeeping(session)
        for name in [source] if source else context.policy.sources:
            with session.transaction():
                _take_in(session, context, name, progress or (lambda table, rows: None))
        report = _report(session, context.as_of)
    return context.keep("ingest", {**report, "seconds": round(time.monotonic() - started, 2)})


def _take_in(session: Session, context: Context, source_name: str, progress: Progress) -> None:
    """Load all tables of a source as one batch."""
    source = context.policy.sources[source_name]
    people = People(session, source_name, key=context.settings.secret_key)
    batch_id = _batch_id(session, source_name, context.as_of)
    for table_name in source.tables:
        intake = Intake(
            session=session,
            policy=context.policy,
            as_of=context.as_of,
            batch_id=batch_id,
            source_name=source_name,
            table_name=table_name,
            people=people,
        )
        since = _watermark(session, source_name, table_name)
        for delivery in deliveries(source_name, source, table_name, since=since, home=context.settings.home):
            if _taken_in_before(session, source_name, table_name, delivery):
                continue
            intake.begin(delivery)
            for page in read_ahead(delivery.open()):
                intake.load(delivery, page)
                progress(table_name, page.rows_in)
            _remember_delivery(session, source_name, table_name, delivery, batch_id)
        intake.close_books()


def _watermark(session: Session, source_name: str, table_name: str) -> datetime | None:
    """Return the instant up to which rows are known."""
    return session.value(
        "select watermark from restricted.watermarks where source = ? and table_name = ?", [source_name, table_name]
    )


def _taken_in_before(session: Session, source_name: str, table_name: str, delivery: Delivery) -> bool:
    """True where the very same bytes were taken in before."""
    return bool(delivery.fingerprint) and bool(
        session.value(
            "select count(*) from restricted.deliveries where source = ? and table_name = ? and fingerprint = ?",
            [source_name, table_name, delivery.fingerprint],
        )
    )


def _remember_delivery(session: Session, source_name: str, table_name: str, delivery: Delivery, batch_id: str) -> None:
    """Remember a file by its fingerprint."""
    session.run(
        "insert into restricted.deliveries values (?, ?, ?, ?, ?)",
        [source_name, table_name, delivery.fingerprint, delivery.name, batch_id],
    )


def _batch_id(session: Session, source_name: str, as_of: datetime) -> str:
    """Return a name for this batch: its source, its night, and which one of that night it is."""
    batches = session.value(
        "select count(distinct batch_id) from restricted.batches where source = ? and as_of = ?",
        [source_name, naive_utc(as_of)],
    )
    return f"{source_name}-{as_of:%Y%m%dT%H%M%SZ}-{batches + 1}"


def _report(session: Session, as_of: datetime) -> dict[str, Any]:
    """Sum up all batches of this night: a run that was broken off and begun again reports the same."""
    at = naive_utc(as_of)
    rows = session.rows(
        "select source, table_name, sum(files), sum(rows_in), sum(loaded), sum(redelivered), sum(quarantined),"
        " list(new_columns) from restricted.batches where as_of = ? group by all order by all",
        [at],
    )
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    for source, table, reason, number in session.rows(
        "select source, table_name, reason, sum(rows) from restricted.batch_reasons where as_of = ? group by all"
        " order by all",
        [at],
    ):
        reasons.setdefault((source, table), {})[reason] = int(number)
    tables = [
        {
            "source": source,
            "table": table,
            "files": int(files),
            "rows_in": int(rows_in),
            "loaded": int(loaded),
            "redelivered": int(redelivered),
            "quarantined": int(quarantined),
            "new_columns": sorted({name for batch in new_columns for name in json.loads(batch)}),
            "reasons": reasons.get((source, table), {}),
        }
        for source, table, files, rows_in, loaded, redelivered, quarantined, new_columns in rows
    ]
    return {
        "as_of": as_of.isoformat(),
        "tables": tables,
        "requests_arrived": sum(
            table["loaded"] - table["redelivered"] for table in tables if table["table"] in _RIGHTS_TABLES
        ),
    }
