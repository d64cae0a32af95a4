"""The memory that attacks over time need: who was published in which class, and when. Missing or damaged, it holds."""

from collections.abc import Sequence

from trustmart.gates.attacks.comparison import MEMBERS, RELEASES, compared
from trustmart.gates.attacks.outcome import Attacked, attacked, lacking, unmeasurable
from trustmart.gates.attacks.published import class_id, classes_of, door_columns, members_of, missing_columns, text
from trustmart.gates.measures_sql import Reader, columns_of
from trustmart.gates.report import Finding

_WANTED = {
    "members_before": {"mart", "class_id", "subject_id", "since", "until"},
    "releases_before": {"mart", "released_at", "release_id"},
}
_NEXT = (
    "restore the restricted zone from its last backup, or begin a new history of this mart, then: trustmart transform"
)


def is_there(reader: Reader, mart: str) -> bool:
    """Return whether tonight's members and the history can be read at all."""
    members = {"class_id", "subject_id"} <= set(door_columns(reader, f"{mart}__members"))
    return members and all(wanted <= set(columns_of(reader, table)) for table, wanted in _WANTED.items())


def whole_history(
    reader: Reader, *, mart: str, columns: Sequence[str], class_size: str | None, releases_known: int | None = None
) -> Attacked:
    """Look whether membership and history are whole; what is damaged cannot be attacked, so it holds.

    releases_known: how many releases of the mart the ledger remembers; None where nobody has asked it.
    """
    if missing := missing_columns(reader, mart, columns):
        return lacking("G6", missing)
    if not is_there(reader, mart):
        return unmeasurable("G6", "tonight's members or the history of releases are missing", _NEXT)
    ((releases, doubled),) = reader.rows(
        f"select count(*), count(*) - count(distinct released_at) from {RELEASES} where mart = ?", [mart]
    )
    ((rows, broken),) = reader.rows(
        "with by_release as (select since, count(*) as n, sum(case when class_id is null or since is null"
        " or until <= since or (subject_id is null and until is null) then 1 else 0 end) as lost"
        f" from {MEMBERS} where mart = ? group by since)"
        " select coalesce(sum(n), 0), coalesce(sum(case when since in"
        f" (select released_at from {RELEASES} where mart = ?) then lost else n end), 0) from by_release",
        [mart, mart],
    )
    lost = max(0, (releases_known or 0) - int(releases)) + (1 if releases and not rows else 0)
    return attacked(
        "G6",
        [
            _damaged("releases are missing from the history", lost),
            _damaged("rows of the history are damaged", int(broken) + int(doubled) + _twice(reader, mart)),
            _strangers(*_membership(reader, mart, columns, class_size)),
        ],
        releases_remembered=int(releases),
        memberships_remembered=int(rows),
    )


def _twice(reader: Reader, mart: str) -> int:
    """Return how many rows of the history say once more that somebody stands in a class.

    Whoever is a member tonight meets each of their rows in the comparison, so there are more of those than members.
    """
    with compared(reader, mart) as comparison:
        ((twice,),) = reader.rows(
            f"with gone as (select count(*) - 1 as n from {comparison}"
            " where not is_tonight and until is null and person_key is not null"
            " group by class_key, person_key having count(*) > 1)"
            f" select (select count(*) from {comparison} where is_tonight and until is null)"
            f" - (select count(*) from {members_of(mart)}) + (select coalesce(sum(n), 0) from gone)"
        )
    return int(twice)


def _membership(reader: Reader, mart: str, columns: Sequence[str], class_size: str | None) -> tuple[int, int]:
    """Return the classes shown that nobody is a member of, and (microdata) those with other than a row per member."""
    finest = " and ".join(f"{text(column)} <> '*'" for column in columns) if class_size else "true"
    with classes_of(reader, mart, columns) as shown:
        ((strange, uneven),) = reader.rows(
            f"with classes as (select {class_id(columns)} as class_id, published from {shown} where {finest}),"
            f" members as (select class_id, count(*) as n from {members_of(mart)} group by class_id)"
            " select sum(case when m.n is null then 1 else 0 end), sum(case when m.n <> c.published then 1 else 0 end)"
            " from classes as c left join members as m using (class_id)"
        )
    return int(strange or 0), 0 if class_size else int(uneven or 0)


def _damaged(what: str, count: int) -> Finding | None:
    """Say that the history is not what it was."""
    return Finding(what=f"{count} {what}", count=count, next_step=_NEXT) if count else None


def _strangers(strange: int, uneven: int) -> Finding | None:
    """Say that members and rows do not agree."""
    if not strange + uneven:
        return None
    return Finding(
        what=f"{strange + uneven} classes do not have the members that the door says",
        count=strange + uneven,
        next_step="make the mart once more from tonight's records: trustmart transform",
    )
