"""Rows of people over time: what would tell of a few people waits, or shows its last rows (ANONYMITY, finding 6)."""

from collections.abc import Sequence
from dataclasses import dataclass

from trustmart.anonymizing.words import listed, quoted
from trustmart.warehouse import Session
from trustmart.warehouse.release_history import last_published, versions_of

_PUBLISHED, _HELD = "door_published", "door_held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many classes show their last rows again, and how many wait, unseen, until more about them has changed."""

    shown: int = 0
    waiting: int = 0


def hold_back_rows(
    session: Session, *, mart: str, rows: str, everybody: str, standing: str | None, columns: Sequence[str], k: int
) -> Held:
    """Replace, in `rows`, the classes that would tell of a few people by what they showed last.

    Tonight's people of a class are compared with those of each release that is remembered: where 1 … k - 1 joined or
    left, or 1 … k - 1 are all that is left of those who came first, the class is held. So is a class that would vanish,
    unless k of its people have left it: that one person's leaving made it too small would be told by its absence.

    rows: a passing table with the published columns, class_id and subject_id, which is changed. everybody: class_id and
    subject_id of all records, suppressed ones included. standing: the released mart with the published columns and
    class_id, or None; held classes that do not stand there wait instead.
    """
    session.keep(_PUBLISHED, last_published(mart))
    session.keep(_HELD, _held(mart, rows, everybody, k))
    shown = 0
    if standing is not None:
        session.keep(_HELD, _only_whole(standing))
        shown = int(session.value(f"select count(*) from {_HELD} where is_standing"))
    names = listed([*(quoted(column) for column in columns), "class_id", "subject_id"])
    again = f" union all {_shown_again(standing, columns)}" if standing is not None else ""
    session.keep(rows, f"select {names} from {rows} where class_id not in (select class_id from {_HELD}){again}")
    held = int(session.value(f"select count(*) from {_HELD} where is_fresh or is_standing"))
    session.discard(_PUBLISHED)
    session.discard(_HELD)
    return Held(shown=shown, waiting=held - shown)


def _held(mart: str, rows: str, everybody: str, k: int) -> str:
    """Return the statement that yields the classes to hold: class_id, is_fresh (made tonight), is_standing."""
    return (
        f"with {versions_of(mart, rows)},"
        " classes as (select class_id, bool_and(is_standing) as is_standing, count(*) as people"
        f" from {_PUBLISHED} group by class_id),"
        " telling as (select class_id from changes"
        f" where changed between 1 and {k - 1} union select class_id from stays where stayed between 1 and {k - 1}),"
        f" there as (select p.class_id, count(*) as people from {_PUBLISHED} as p"
        f" join {everybody} as e on e.class_id = p.class_id and e.subject_id = p.subject_id group by p.class_id),"
        " vanishing as (select classes.class_id from classes left join there on there.class_id = classes.class_id"
        f" where is_standing and classes.people - coalesce(there.people, 0) < {k}"
        " and classes.class_id not in (select class_id from sizes))"
        " select class_id, true as is_fresh, coalesce(is_standing, false) as is_standing"
        " from telling left join classes using (class_id)"
        " union all select class_id, false, true from vanishing"
    )


def _only_whole(standing: str) -> str:
    """Return the statement that lets wait what does not stand with a row per person.

    It is another night's, and whose rows they are is not known. That happens where a night is told again from other
    records than the first time.
    """
    return (
        "select held.class_id, is_fresh, is_standing and coalesce(shown.people, 0) = coalesce(published.people, 0)"
        f" as is_standing from {_HELD} as held"
        f" left join (select class_id, count(*) as people from {standing} group by class_id) as shown"
        " on shown.class_id = held.class_id"
        f" left join (select class_id, count(*) as people from {_PUBLISHED} group by class_id) as published"
        " on published.class_id = held.class_id"
    )


def _shown_again(standing: str, columns: Sequence[str]) -> str:
    """Return the standing rows of held-back classes, with the people that they were published with.

    Which of the class's people a row is of is not known any more, and nobody needs it: membership is by class.
    """
    chosen = listed(f"shown.{quoted(column)}" for column in columns)
    place = "row_number() over (partition by class_id order by class_id) as door_place"
    return (
        f"select {chosen}, shown.class_id, people.subject_id"
        f" from (select *, {place} from {standing}) as shown"
        f" join {_HELD} as held on held.class_id = shown.class_id and held.is_standing"
        f" join (select class_id, subject_id, {place} from {_PUBLISHED} where is_standing) as people"
        " on people.class_id = shown.class_id and people.door_place = shown.door_place"
    )
