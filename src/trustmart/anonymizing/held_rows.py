"""Microdata over time: a class that has changed by a few people shows its last rows again (ANONYMITY, finding 6)."""

from collections.abc import Sequence

from trustmart.anonymizing.words import listed, quoted
from trustmart.warehouse import Session
from trustmart.warehouse.release_history import changes_since, last_published

_PUBLISHED, _HELD = "door_published", "door_held"


def hold_back_rows(
    session: Session, *, mart: str, rows: str, everybody: str, standing: str | None, columns: Sequence[str], k: int
) -> int:
    """Replace, in `rows`, the classes that changed by 1 … k - 1 people since they were published; return how many.

    rows: a passing table with the published columns, class_id and subject_id, which is changed. everybody: class_id and
    subject_id of all records, suppressed ones included: a class that falls below k after one person left would say so.
    standing: the released mart with the same columns, or None; classes that do not stand there wait instead.
    """
    session.run(f"create or replace temp table {_PUBLISHED} as {last_published(mart)}")
    session.run(
        f"create or replace temp table {_HELD} as select class_id, is_standing"
        f" from ({changes_since(_PUBLISHED, everybody)}) as changes where changed between 1 and {k - 1}"
    )
    session.run(f"delete from {rows} where class_id in (select class_id from {_HELD})")
    shown = 0
    if standing is not None:
        shown = int(session.value(f"select count(*) from {_HELD} where is_standing"))
        _show_again(session, rows, standing, columns)
    session.run(f"drop table {_PUBLISHED}")
    session.run(f"drop table {_HELD}")
    return shown


def _show_again(session: Session, rows: str, standing: str, columns: Sequence[str]) -> None:
    """Put the standing rows of held-back classes in, with the people that they were published with.

    Which of the class's people a row is of is not known any more, and nobody needs it: membership is by class.
    """
    names = listed(quoted(column) for column in columns)
    session.run(
        f"insert into {rows} by name select {names}, shown.class_id, people.subject_id from"
        f" (select *, row_number() over (partition by class_id) as place from {standing}) as shown"
        f" join {_HELD} as held on held.class_id = shown.class_id and held.is_standing"
        " left join (select class_id, subject_id, row_number() over (partition by class_id) as place"
        f" from {_PUBLISHED} where is_standing) as people"
        " on people.class_id = shown.class_id and people.place = shown.place"
    )
