"""Tonight's members beside the remembered ones: made once for a mart, and read by every attack over time.

Comparing people by name is the dear part of G6, G7 and G9, and the same in all of them. What they want to know besides
are counts by class and instant, which take no longer than a GROUP BY. Names are compared by 64 bits of them: of ten
million people, two share theirs once in 370,000 marts.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from trustmart.gates.attacks.published import NULL_SIGN, members_of
from trustmart.gates.attacks.sharing import shared
from trustmart.gates.measures_sql import Reader

# As they were before tonight (trustmart.warehouse.release_history).
MEMBERS = "restricted.main.members_before"
RELEASES = "restricted.main.releases_before"


@contextmanager
def compared(reader: Reader, mart: str) -> Iterator[str]:
    """Yield the full name of a mart's comparison, shared or made for this `with` alone.

    A row is somebody of tonight, or of a release that is remembered, in one class, both as keys (`key_of`):

    - `is_tonight`, `until` null: there tonight, and standing since `since` (null: not in the last release);
    - not `is_tonight`, `until` null: standing, and gone tonight;
    - `until` not null: there from `since` until then, and `is_tonight` where the same person is back in this class.

    Whoever stands twice in the history has two rows of the first kind: there are more of them than members.
    """
    with shared(reader, mart, "comparison", lambda table: _make(reader, table, mart)) as table:
        yield table


def key_of(name: str) -> str:
    """Return the expression of the key that stands for a person's or a class's name; null stays null."""
    return f"case when {name} is not null then hash({name}) end"


def classes_among(reader: Reader, mart: str, keys: str) -> list[str]:
    """Return the ids of tonight's classes whose keys a query yields; its one parameter is the mart."""
    members = f"select distinct class_id from {members_of(mart)}"
    return [row[0] for row in reader.rows(f"{members} where {key_of('class_id')} in ({keys})", [mart])]


def _make(reader: Reader, table: str, mart: str) -> None:
    """Compare everybody.

    A class that is held back has its members as published, those who were forgotten since without a name: its figures
    still count them. Numbered, they meet themselves in the history; a class that is made anew has lost them. Only they
    are numbered: there are few of them.
    """
    number = f"concat('{NULL_SIGN}', class_id, cast(row_number() over (partition by class_id order by %s) as varchar))"
    keys = f"{key_of('class_id')} as class_key, {key_of('subject_id')} as person_key"
    named = f"select {keys}, since, until from {MEMBERS} where mart = ? and subject_id is not null"
    nameless = f"select class_id from {members_of(mart)} where subject_id is null"
    # Their `until` is the forgetting's instant; that of all others is null or a release's.
    lost = (
        f"select class_id, since, until, is_forgotten, is_forgotten and class_id in ({nameless}) as is_counted"
        " from (select class_id, since, until, until is not null and until not in"
        f" (select released_at from {RELEASES} where mart = ?) as is_forgotten"
        f" from {MEMBERS} where mart = ? and subject_id is null) as nobody"
    )
    tonight = (
        f"select {keys} from {members_of(mart)} where subject_id is not null union all select {keys}"
        f" from (select class_id, {number % 'class_id'} as subject_id from ({nameless}) as nameless) as numbered"
    )
    standing = (
        f"select class_key, person_key, since from ({named}) as named where until is null"
        f" union all select {keys}, since from"
        f" (select class_id, {number % 'since'} as subject_id, since from ({lost}) as lost where is_counted)"
        " as numbered"
    )
    ended = f"select class_key, person_key, since, until from ({named}) as named where until is not null"
    # Everything is read where it stands: an engine that kept these relations would copy a million keys each time.
    reader.rows(
        f"create or replace table {table} as select coalesce(t.class_key, s.class_key) as class_key,"
        " coalesce(t.person_key, s.person_key) as person_key, t.class_key is not null as is_tonight, s.since,"
        f" cast(null as timestamp) as until from ({tonight}) as t full outer join ({standing}) as s"
        " on s.person_key = t.person_key and s.class_key = t.class_key",
        [mart, mart, mart],
    )
    reader.rows(
        f"insert into {table} with ended as ({ended}),"
        f" back as (select * from (select {keys} from {members_of(mart)}) as tonight"
        " where person_key in (select person_key from ended))"
        " select e.class_key, e.person_key, b.class_key is not null, e.since, e.until from ended as e"
        " left join back as b on b.person_key = e.person_key and b.class_key = e.class_key"
        # Whoever was forgotten is shown until their class is made anew, as tonight or not yet.
        f" union all select {key_of('class_id')}, null, false, since, case when is_forgotten then null else until end"
        f" from ({lost}) as lost where not is_counted",
        [mart, mart, mart],
    )
