"""Tables the pipeline keeps for itself in the restricted zone: batches, quarantine, tombstones, the night's instant."""

from datetime import datetime

from trustmart.warehouse.protocol import Session

_TABLES = {
    "night": "as_of timestamp, policy_version varchar",
    "batches": (
        "batch_id varchar, as_of timestamp, source varchar, table_name varchar, files bigint, rows_in bigint,"
        " loaded bigint, redelivered bigint, quarantined bigint, new_columns varchar"
    ),
    "batch_reasons": (
        "batch_id varchar, as_of timestamp, source varchar, table_name varchar, reason varchar, rows bigint"
    ),
    "deliveries": "source varchar, table_name varchar, fingerprint varchar, name varchar, batch_id varchar",
    "watermarks": "source varchar, table_name varchar, watermark timestamp",
    "quarantine": (
        "batch_id varchar, source varchar, table_name varchar, origin varchar, line bigint, reason varchar,"
        " column_names varchar, record varchar, subject_id varchar, digest varchar, quarantined_at timestamp"
    ),
    "tombstones": "kind varchar, digest varchar, erased_at timestamp, night timestamp",
    "erasures": "night timestamp, requests bigint, rows_erased bigint, customer_records bigint",
    "requests": (
        "request_id varchar, source varchar, subject_id varchar, customer_id_crm varchar, kind varchar,"
        " scope varchar, received_at timestamp"
    ),
}


def ensure_bookkeeping(session: Session) -> None:
    """Create what is missing; `restricted` must be open for writing."""
    for name, columns in _TABLES.items():
        session.run(f"create table if not exists restricted.{name} ({columns})")


def say_night(session: Session, *, as_of: datetime, policy_version: str) -> None:
    """Tell the models which instant they decide for."""
    with session.transaction():
        session.run("delete from restricted.night")
        session.run("insert into restricted.night values (?, ?)", [naive_utc(as_of), policy_version])


def naive_utc(moment: datetime) -> datetime:
    """Return an instant as the zones keep it: UTC, without saying so."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return (moment - moment.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]
