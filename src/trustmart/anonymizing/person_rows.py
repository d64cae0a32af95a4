"""Rows of people at their labels: who of them may be published, what is held back, and what was made of them."""

from collections.abc import Mapping
from typing import Any

from trustmart.anonymity.epochs import Epoch
from trustmart.anonymizing.held_rows import Held, hold_back_rows
from trustmart.anonymizing.inspecting import inspect_release
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.person_records import PersonRecords
from trustmart.anonymizing.publishing import keep_safe_classes
from trustmart.anonymizing.words import class_id, listed, quoted
from trustmart.warehouse import Session

# Passing tables. EVERYBODY: all records at their labels; ROWS: those that may be published. Both have the published
# columns, subject_id and class_id.
EVERYBODY, ROWS = "door_everybody", "door_rows"


def keep_common_rows(session: Session, asked: PersonRecords) -> int | None:
    """Keep, of everybody at their labels, who may be published; return how many, or None where too few are.

    EVERYBODY has to be there, without class_id. A class goes where it is smaller than k or fails a model.
    """
    key = class_id(list(asked.config.quasi_identifiers))
    session.keep(EVERYBODY, f"select *, {key} as class_id from {EVERYBODY}")
    keep_safe_classes(session, ROWS, asked.requirements, asked.references, of=EVERYBODY)
    _keep_whole_rows_common(session, asked)
    written = int(session.value(f"select count(*) from {ROWS}"))
    most = asked.config.maximum_suppressed * asked.profiled.records
    return written if written and asked.profiled.records - written <= most else None


def _keep_whole_rows_common(session: Session, asked: PersonRecords) -> None:
    """Leave rows out whose labels and sensitive values together are rarer than k: k on labels alone singles people out.

    A class that is then no longer diverse or close enough goes as a whole (ANONYMITY, finding 5).
    """
    if not asked.config.published:
        return
    _keep_common(session, asked)
    keep_safe_classes(session, ROWS, asked.requirements, asked.references)


def _whole(asked: PersonRecords) -> str:
    """Return what a whole row is told by."""
    return listed(["class_id", *(quoted(column) for column in asked.config.published)])


def _keep_common(session: Session, asked: PersonRecords) -> None:
    """Keep the rows that k share as a whole: labels, and what is published as it is."""
    columns = listed([*(quoted(column) for column in asked.columns), "subject_id", "class_id"])
    counted = f"select {columns}, count(*) over (partition by {_whole(asked)}) as door_alike from {ROWS}"
    session.keep(
        ROWS, f"select {columns} from ({counted}) as counted where door_alike >= {asked.config.minimum_class_size}"
    )


def hold_back(session: Session, asked: PersonRecords, standing: str | None) -> Held:
    """Let classes that would tell of a few people show what they showed; return what was held.

    What is shown again must do for tonight's policy and shares, or it is not shown: they may have changed since.
    standing: the released mart, or None.
    """
    key = class_id(list(asked.config.quasi_identifiers))
    held = hold_back_rows(
        session,
        mart=asked.mart,
        rows=ROWS,
        everybody=EVERYBODY,
        standing=f"(select *, {key} as class_id from {standing})" if standing else None,
        columns=asked.columns,
        k=asked.config.minimum_class_size,
    )
    if held.shown:
        rare = (
            f"select class_id from {ROWS} group by {_whole(asked)} having count(*) < {asked.config.minimum_class_size}"
        )
        session.keep(ROWS, f"select * from {ROWS} where class_id not in ({rare})")
        keep_safe_classes(session, ROWS, asked.requirements, asked.references)
    return held


def facts_of_epoch(epoch: Epoch) -> dict[str, Any]:
    """Return what a report says of the epoch in which rows were told."""
    return {
        "epoch": epoch.number,
        "epoch_reason": epoch.reason,
        "notice": epoch.notice,
        "recoding": epoch.digest,
        "levels": dict(epoch.level_names),
    }


def part_rows(
    session: Session,
    asked: PersonRecords,
    *,
    kept: int,
    held: Held,
    target: str,
    members: str,
    facts: Mapping[str, Any],
) -> Made:
    """Part the rows into the candidate and its membership, and say what was made.

    kept: how many of tonight's records may be published. target, members: full table names. facts: what else to report.
    """
    # Sorted by what is published, so that the order of the rows says nothing.
    labels = [f"cast({quoted(column)} as string) as {quoted(column)}" for column in asked.config.quasi_identifiers]
    plain = [quoted(column) for column in asked.config.published]
    session.write_table(
        target,
        f"select * from (select {listed(labels + plain)} from {ROWS}) as labels"
        f" order by {listed(quoted(column) for column in asked.columns)}",
    )
    session.write_table(members, f"select class_id, subject_id from {ROWS}")
    written = int(session.value(f"select count(*) from {ROWS}"))
    session.discard(ROWS)
    session.discard(EVERYBODY)
    total = asked.profiled.records
    # Held-back rows may be those of people who have left since: then more is published than there is tonight.
    measures = inspect_release(session, target, asked.config, records_total=max(total, written))
    return Made(
        rows=written,
        people_total=total,
        people_suppressed=total - kept,
        classes_total=measures.classes,
        classes_suppressed=0,
        facts={
            "held_back": held.shown,
            "waiting_classes": held.waiting,
            **facts,
            "measures": measures.as_dict(),
        },
    )
