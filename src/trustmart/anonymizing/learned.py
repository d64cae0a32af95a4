"""Learned marts: what is learned from the rows of another mart's candidate, and nothing else, is made into rows."""

from collections.abc import Sequence

from trustmart.anonymity.learning import LearnedRow, Profiles, learn
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.words import listed, quoted
from trustmart.errors import ReleaseFault
from trustmart.policy import Learned, Release
from trustmart.warehouse import Session


def make_learned(session: Session, *, release: Release, records: str, target: str) -> Made:
    """Make the candidate of a learned mart from anonymized rows; the same rows always make the same candidate.

    records: full name of the view of what is learned from: a row per person, nobody named. target: full name of the
    candidate. Raises TableUnfit where there are too few people, ReleaseFault where the release learns nothing.
    """
    asked = release.learned
    if asked is None:
        raise ReleaseFault(["learned is missing"])
    profiles = profiles_of(session, records, asked.columns_learned_from)
    rows, facts = learn(profiles, asked, minimum=release.minimum_class_size)
    _write(session, release, asked, rows, target)
    # A person stands in one row for each feature, and in the row of everybody.
    people = profiles.total * (len(asked.features) + 1)
    return Made(
        rows=len(rows),
        people_total=people,
        people_suppressed=people - sum(row.people for row in rows),
        classes_total=len(rows) + facts["labels_left_out"],
        classes_suppressed=facts["labels_left_out"],
        facts={"learned_from": asked.learned_from, "kind": asked.kind, **facts},
    )


def profiles_of(session: Session, relation: str, columns: Sequence[str]) -> Profiles:
    """Count the different combinations of labels in a relation."""
    chosen = listed(f"cast({quoted(column)} as varchar)" for column in columns)
    return Profiles.counted(columns, session.rows(f"select {chosen}, count(*) from {relation} group by all"))


def _write(session: Session, release: Release, asked: Learned, rows: Sequence[LearnedRow], target: str) -> None:
    """Write the rows as the candidate."""
    keys = [f"{quoted(key)} {'bigint' if key == 'cluster' else 'varchar'}" for key in asked.keys]
    columns = [*keys, f"{quoted(release.class_size or '')} bigint", f"{quoted(asked.figure)} double"]
    session.run(f"create or replace table {target} ({listed(columns)})")
    places = listed("?" for _ in columns)
    for row in rows:
        session.run(f"insert into {target} values ({places})", [*row.key, row.people, row.figure])
