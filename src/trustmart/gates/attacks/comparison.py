"""Tonight's members beside the remembered ones: made once for a mart, and read by every attack over time.

Comparing people by name is the dear part of G6, G7 and G9, and the same in all of them. What they want to know besides
are counts by class and instant, which take no longer than a GROUP BY.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from trustmart.gates.attacks.published import NULL_SIGN, members_of
from trustmart.gates.measures_sql import Reader, quoted

# As they were before tonight (trustmart.warehouse.release_history).
MEMBERS = "restricted.main.members_before"
RELEASES = "restricted.main.releases_before"
SCHEMA = "memory.gate_comparison"

_shared: ContextVar[set[str] | None] = ContextVar("shared", default=None)


@contextmanager
def sharing(reader: Reader) -> Iterator[None]:
    """Keep a mart's comparison until another mart's is made, in a `with` in which nobody changes members or history.

    Marts are attacked one after the other, and a million names of each would fill the memory.
    """
    made: set[str] = set()
    token = _shared.set(made)
    try:
        yield
    finally:
        _shared.reset(token)
        for mart in made:
            reader.rows(f"drop table if exists {_table(mart)}")


@contextmanager
def compared(reader: Reader, mart: str) -> Iterator[str]:
    """Yield the full name of a mart's comparison, shared or made for this `with` alone.

    A row is somebody of tonight, or of a release that is remembered, in one class:

    - `is_tonight`, `until` null: there tonight, and standing since `since` (null: not in the last release);
    - not `is_tonight`, `until` null: standing, and gone tonight;
    - `until` not null: there from `since` until then, and `is_tonight` where the same person is back in this class.

    Whoever stands twice in the history has two rows of the first kind: there are more of them than members.
    """
    made = _shared.get()
    if made is not None:
        if mart not in made:
            while made:
                reader.rows(f"drop table if exists {_table(made.pop())}")
            _make(reader, mart)
            made.add(mart)
        yield _table(mart)
        return
    _make(reader, mart)
    try:
        yield _table(mart)
    finally:
        reader.rows(f"drop table if exists {_table(mart)}")


def _table(mart: str) -> str:
    """Return where a comparison is, out of the zones' files."""
    return f"{SCHEMA}.{quoted(mart)}"


def _make(reader: Reader, mart: str) -> None:
    """Compare everybody.

    A class that is held back has its members as published, those who were forgotten since without a name: its figures
    still count them. Numbered, they meet themselves in the history; a class that is made anew has lost them. Only they
    are numbered: there are few of them.
    """
    reader.rows(f"create schema if not exists {SCHEMA}")
    number = f"concat('{NULL_SIGN}', class_id, cast(row_number() over (partition by class_id order by %s) as varchar))"
    named = f"select class_id, subject_id, since, until from {MEMBERS} where mart = ? and subject_id is not null"
    nameless = f"select class_id from {members_of(mart)} where subject_id is null"
    # Their `until` is the forgetting's instant; that of all others is null or a release's.
    lost = (
        f"select class_id, since, until, is_forgotten, is_forgotten and class_id in ({nameless}) as is_counted"
        " from (select class_id, since, until, until is not null and until not in"
        f" (select released_at from {RELEASES} where mart = ?) as is_forgotten"
        f" from {MEMBERS} where mart = ? and subject_id is null) as nobody"
    )
    tonight = (
        f"select class_id, subject_id from {members_of(mart)} where subject_id is not null"
        f" union all select class_id, {number % 'class_id'} from ({nameless}) as nameless"
    )
    standing = (
        f"select class_id, subject_id, since from ({named}) as named where until is null"
        f" union all select class_id, {number % 'since'}, since from ({lost}) as lost where is_counted"
    )
    ended = f"select class_id, subject_id, since, until from ({named}) as named where until is not null"
    # Everything is read where it stands: an engine that kept these relations would copy a million names each time.
    reader.rows(
        f"create or replace table {_table(mart)} as select coalesce(t.class_id, s.class_id) as class_id,"
        " coalesce(t.subject_id, s.subject_id) as subject_id, t.class_id is not null as is_tonight, s.since,"
        f" cast(null as timestamp) as until from ({tonight}) as t full outer join ({standing}) as s"
        " on s.subject_id = t.subject_id and s.class_id = t.class_id",
        [mart, mart, mart],
    )
    reader.rows(
        f"insert into {_table(mart)} with ended as ({ended}),"
        f" back as (select class_id, subject_id from {members_of(mart)}"
        " where subject_id in (select subject_id from ended))"
        " select e.class_id, e.subject_id, b.class_id is not null, e.since, e.until from ended as e"
        " left join back as b on b.subject_id = e.subject_id and b.class_id = e.class_id"
        # Whoever was forgotten is shown until their class is made anew, as tonight or not yet.
        " union all select class_id, null, false, since, case when is_forgotten then null else until end"
        f" from ({lost}) as lost where not is_counted",
        [mart, mart, mart],
    )
