"""Who was in which published class, release by release: what nightly differences are measured against.

Kept in the restricted zone, written only after publication, erased with the people in it.
"""

from collections.abc import Iterable
from datetime import datetime

from trustmart.warehouse.bookkeeping import naive_utc
from trustmart.warehouse.protocol import Session

MEMBERS = "restricted.released_members"
RELEASES = "restricted.mart_releases"
# What a night is compared with: the same two, as they were before it. Views, so that a night told again, or one long
# past, meets the releases before it, and neither itself nor those that came later.
MEMBERS_BEFORE = "restricted.members_before"
RELEASES_BEFORE = "restricted.releases_before"

_TABLES = {
    MEMBERS: "mart varchar, class_id varchar, subject_id varchar, since timestamp, until timestamp",
    RELEASES: "mart varchar, released_at timestamp, release_id varchar",
}


def ensure_release_history(session: Session) -> None:
    """Create what is missing; `restricted` must be open for writing."""
    for name, columns in _TABLES.items():
        session.run(f"create table if not exists {name} ({columns})")


def look_back(session: Session, *, before: datetime) -> None:
    """Show the history as it was before a night, to the door and to the gate.

    Who left at that night or later is still there. Who was forgotten, and left with a release since, is again somebody
    who was forgotten: at no release's instant. before: the night's instant, with its zone.
    """
    at = f"timestamp '{naive_utc(before)}'"
    session.run(f"create or replace view {RELEASES_BEFORE} as select * from {RELEASES} where released_at < {at}")
    session.run(
        f"create or replace view {MEMBERS_BEFORE} as select mart, class_id, subject_id, since,"
        f" case when until >= {at} then case when subject_id is null then {at} - interval 1 microsecond end"
        f" else until end as until from {MEMBERS} where since < {at}"
    )


def class_id_of(columns: Iterable[str]) -> str:
    """Return the expression of a row's class: its labels in policy's order; null is a label of its own.

    columns: expressions, quoted where they need it.
    """
    labels = ", ".join(f"coalesce(cast({column} as string), '∅')" for column in columns)
    return f"md5(concat_ws('|', {labels}))"


def last_published(mart: str) -> str:
    """Return the statement that yields each class's members as its figures were last published.

    Yields class_id, subject_id (null: forgotten since), is_standing (false: withdrawn at a later release).
    mart: its name, as policy spells it.
    """
    forgotten = _forgotten_since(mart, RELEASES_BEFORE)
    return (
        f"with history as (select class_id, subject_id, case when until is null or {forgotten}"
        " then timestamp '9999-12-31 00:00:00' else until end as ended"
        f" from {MEMBERS_BEFORE} as members where mart = '{mart}'),"
        " latest as (select class_id, max(ended) as ended from history group by class_id)"
        " select history.class_id, history.subject_id, history.ended = timestamp '9999-12-31 00:00:00' as is_standing"
        " from history join latest on latest.class_id = history.class_id and latest.ended = history.ended"
    )


def changes_since(published: str, tonight: str) -> str:
    """Return the statement that counts joiners and leavers of every class that was published before.

    published: a table of what `last_published` yields. tonight: a relation with class_id and subject_id of everybody.
    Yields class_id, changed, is_standing.
    """
    changed = "sum(case when tonight.subject_id is null or published.subject_id is null then 1 else 0 end)"
    return (
        "with classes as (select class_id, min(case when is_standing then 1 else 0 end) = 1 as is_standing"
        f" from {published} group by class_id),"
        f" tonight as (select class_id, subject_id from {tonight}"
        " where class_id in (select class_id from classes)),"
        f" compared as (select coalesce(tonight.class_id, published.class_id) as class_id, {changed} as changed"
        f" from tonight full outer join {published} as published on published.class_id = tonight.class_id"
        " and published.subject_id = tonight.subject_id"
        " group by coalesce(tonight.class_id, published.class_id))"
        " select compared.class_id, compared.changed, is_standing"
        " from compared join classes on classes.class_id = compared.class_id"
    )


def versions_of(mart: str, tonight: str, *, releases: int = 30) -> str:
    """Return common table expressions that compare tonight's classes with each of the last releases of a mart.

    tonight: a relation with class_id and subject_id. Yields `sizes` (class_id, people: tonight's classes), `changes`
    (class_id, changed: how many joined or left since a release, a row for each) and `stays` (class_id, stayed: how many
    of tonight's people have been in the class since a given release or longer, a row for each that somebody came with).
    Somebody who was forgotten counts as being there until their class is published anew.
    """
    always = "timestamp '9999-12-31 00:00:00'"
    return (
        f"releases as (select released_at from {RELEASES_BEFORE} where mart = '{mart}'"
        f" order by released_at desc limit {releases}),"
        f" sizes as (select class_id, count(*) as people from {tonight} group by class_id),"
        f" history as (select class_id, subject_id, since, until is null as is_open, case when until is null or"
        f" {_forgotten_since(mart, RELEASES_BEFORE)} then {always} else until end as ended"
        f" from {MEMBERS_BEFORE} as members where mart = '{mart}'),"
        # Whoever came and went together is counted together, so that releases meet cohorts and not people.
        " cohorts as (select history.class_id, since, ended, is_open, count(*) as people,"
        " count(tonight.subject_id) as same from history"
        f" left join {tonight} as tonight on tonight.class_id = history.class_id"
        " and tonight.subject_id = history.subject_id group by history.class_id, since, ended, is_open),"
        " versions as (select class_id, released_at, sum(people) as people, sum(same) as same"
        " from cohorts join releases on since <= released_at and ended > released_at group by class_id, released_at),"
        " changes as (select sizes.class_id,"
        " sizes.people + coalesce(versions.people, 0) - 2 * coalesce(versions.same, 0) as changed"
        " from sizes cross join releases left join versions"
        " on versions.class_id = sizes.class_id and versions.released_at = releases.released_at),"
        " came as (select class_id, greatest(since, (select min(released_at) from releases)) as since,"
        " sum(same) as same from cohorts where is_open and same > 0 group by all),"
        " stays as (select class_id, sum(same) over (partition by class_id order by since) as stayed from came)"
    )


def remember(session: Session, *, mart: str, members: str, released_at: datetime, release_id: str) -> None:
    """Take down who is in which class of a mart that was just published. Saying it twice changes nothing.

    A night that has later ones is history: it was published as it was then, or not at all, so nothing is taken down.

    members: full name of the table with class_id and subject_id *as published*: a held-back class with the members it
    was published with, people forgotten since as null. released_at: when, with its zone.
    """
    at = naive_utc(released_at)
    if has_later(session, mart=mart, than=released_at):
        return
    same = "members.class_id = now.class_id and members.subject_id = now.subject_id"
    with session.transaction():
        _take_back(session, mart, at)
        session.run(
            f"update {MEMBERS} as members set until = ? where mart = ? and until is null"
            f" and not exists (select 1 from {members} as now where {same})",
            [at, mart],
        )
        # A class published anew no longer shows those who were forgotten: they left with this release.
        session.run(
            f"update {MEMBERS} as members set until = ? where mart = ? and {_forgotten_since(mart)} and not exists"
            f" (select 1 from {members} as now where now.class_id = members.class_id and now.subject_id is null)",
            [at, mart],
        )
        session.run(
            f"insert into {MEMBERS} select ?, now.class_id, now.subject_id, ?, null from {members} as now"
            " where now.subject_id is not null and not exists"
            f" (select 1 from {MEMBERS} as members where members.mart = ? and members.until is null and {same})",
            [mart, at, mart],
        )
        session.run(
            f"insert into {RELEASES} select ?, ?, ? where not exists"
            f" (select 1 from {RELEASES} where mart = ? and released_at = ?)",
            [mart, at, release_id, mart, at],
        )


def has_later(session: Session, *, mart: str, than: datetime) -> bool:
    """Return whether a mart was published at a later night."""
    later = f"select count(*) from {RELEASES} where mart = ? and released_at > ?"
    return bool(session.value(later, [mart, naive_utc(than)]))


def is_as_published(session: Session, *, mart: str, members: str, released_at: datetime) -> bool:
    """Return whether a past night's mart has the very members that it was published with, class by class.

    members: as for `remember`. Somebody forgotten since is missing in it, so it is another table than it was.
    """
    at = naive_utc(released_at)
    then = f"select class_id, subject_id from {MEMBERS} where mart = ? and since <= ? and (until is null or until > ?)"
    now = f"select class_id, subject_id from {members}"
    differing = session.value(
        f"select count(*) from (({then} except all {now}) union all ({now} except all {then})) as differing",
        [mart, at, at, mart, at, at],
    )
    known = session.value(f"select count(*) from {RELEASES} where mart = ? and released_at = ?", [mart, at])
    return bool(known) and not differing


def _take_back(session: Session, mart: str, at: datetime) -> None:
    """Forget what was taken down of this night before it was told again.

    Whoever was forgotten before it, and left with it, is again somebody who was forgotten: at no release's instant.
    """
    session.run(f"delete from {MEMBERS} where mart = ? and since = ?", [mart, at])
    session.run(
        f"update {MEMBERS} set until = case when subject_id is null then until - interval 1 microsecond end"
        " where mart = ? and until = ?",
        [mart, at],
    )
    session.run(f"delete from {RELEASES} where mart = ? and released_at = ?", [mart, at])


def forget_members(session: Session, subject_ids: str, *, at: datetime) -> None:
    """Take people's names out of the history; that somebody was there, and left, stays countable.

    subject_ids: a relation with a column subject_id. at: the forgetting, with its zone; it is no release's instant.
    """
    session.run(
        f"update {MEMBERS} set until = coalesce(until, ?), subject_id = null"
        f" where subject_id in (select subject_id from {subject_ids})",
        [naive_utc(at)],
    )


def prune(session: Session, *, mart: str, keep: int = 30) -> None:
    """Drop what only releases before the last `keep` ones could tell.

    Who was forgotten since their class was last published stays until it is published anew.
    """
    oldest = session.value(
        f"select min(released_at) from (select released_at from {RELEASES} where mart = ?"
        f" order by released_at desc limit {keep}) as kept",
        [mart],
    )
    with session.transaction():
        session.run(
            f"delete from {MEMBERS} where mart = ? and until <= ?"
            f" and until in (select released_at from {RELEASES} where mart = ?)",
            [mart, oldest, mart],
        )
        session.run(f"delete from {RELEASES} where mart = ? and released_at < ?", [mart, oldest])


def _forgotten_since(mart: str, releases: str = RELEASES) -> str:
    """Return the condition on members who were forgotten, and whose class has not been published anew since.

    Their `until` is the forgetting's instant; that of all others is null or a release's.
    """
    return (
        "(members.subject_id is null and members.until is not null and members.until not in"
        f" (select released_at from {releases} where mart = '{mart}'))"
    )


def last_release_id(session: Session, mart: str) -> str | None:
    """Return the id of the release whose members are remembered last; None where there is none."""
    newest = f"select release_id from {RELEASES} where mart = ? order by released_at desc limit 1"
    found = session.value(newest, [mart])
    return None if found is None else str(found)
