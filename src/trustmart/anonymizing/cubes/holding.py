"""Hold classes back that have changed by too few people since they were last published."""

from dataclasses import dataclass

from trustmart.anonymizing.cubes.cells_sql import CONTRIBUTIONS
from trustmart.anonymizing.words import listed, quoted
from trustmart.errors import StatementFailed
from trustmart.policy.releases import Release
from trustmart.warehouse import Session
from trustmart.warehouse.release_history import last_published

# Who was in each class when its figures were last published, and which classes do not show tonight's.
PUBLISHED = "cube_published"
HELD = "cube_held"


@dataclass(frozen=True, kw_only=True)
class HeldBack:
    """How many classes show their last published figures."""

    shown: int


def hold_back(session: Session, *, mart: str, release: Release, standing: str | None, history: bool) -> HeldBack:
    """Find the classes that joined and left by 1 … k − 1 people since they were last published.

    Those of them that stand show their last figures again (nothing is learned from what is known already), also where
    fewer than k people are left: a class that vanishes after one person left would say so. Those that do not stand
    (withheld for a while, or nobody knows the standing mart) wait.
    """
    published = last_published(mart) if release.hold_back and history else _nobody()
    session.run(f"create or replace temporary table {PUBLISHED} as {published}")
    session.run(f"create or replace temporary table {HELD} as {_held(release, standing is not None)}")
    if standing and not _shows(session, release, standing):
        session.run(
            f"create or replace temporary table {HELD} as select class_id, changed, false as is_shown from {HELD}"
        )
    return HeldBack(shown=int(session.value(f"select count(*) from {HELD} where is_shown")))


def waiting(session: Session) -> int:
    """Count joiners and leavers that the candidate does not show yet."""
    return int(session.value(f"select coalesce(sum(changed), 0) from {HELD}"))


def _held(release: Release, stands: bool) -> str:
    """Return the statement that yields the classes held back, and whether they show their last figures."""
    changed = "sum(case when tonight.subject_id is null or published.subject_id is null then 1 else 0 end)"
    return (
        f"with classes as (select class_id, min(case when is_standing then 1 else 0 end) = 1 as is_standing"
        f" from {PUBLISHED} group by class_id),"
        f" tonight as (select class_id, subject_id from {CONTRIBUTIONS}),"
        f" changes as (select coalesce(tonight.class_id, published.class_id) as class_id, {changed} as changed"
        f" from tonight full outer join {PUBLISHED} as published on published.class_id = tonight.class_id"
        f" and published.subject_id = tonight.subject_id"
        f" group by coalesce(tonight.class_id, published.class_id))"
        f" select changes.class_id, changes.changed, {'is_standing' if stands else 'false'} as is_shown"
        f" from changes join classes on classes.class_id = changes.class_id"
        f" where changes.changed between 1 and {release.minimum_class_size - 1}"
    )


def _nobody() -> str:
    """Return the statement of a history in which nothing was published."""
    return "select '' as class_id, '' as subject_id, true as is_standing where 1 = 0"


def _shows(session: Session, release: Release, standing: str) -> bool:
    """Return whether the standing mart has the columns that the release publishes."""
    try:
        session.rows(f"select {listed(quoted(column) for column in release.columns)} from {standing} where 1 = 0")
    except StatementFailed:
        return False
    return True
