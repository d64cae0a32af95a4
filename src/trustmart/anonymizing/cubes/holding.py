"""Hold classes back that have changed by too few people since they were last published."""

from trustmart.anonymizing.cubes.cells_sql import CONTRIBUTIONS
from trustmart.anonymizing.words import listed, quoted
from trustmart.errors import StatementFailed
from trustmart.policy.releases import Release
from trustmart.warehouse import Session
from trustmart.warehouse.release_history import changes_since, last_published

# Who was in each class when its figures were last published, how many have changed since, and what is held back for it.
PUBLISHED = "cube_published"
CHANGES = "cube_changes"
HELD = "cube_held"


def hold_back(session: Session, *, mart: str, release: Release, standing: str | None, history: bool) -> None:
    """Find the classes that joined and left by 1 … k − 1 people since they were last published.

    Those of them that stand show their last figures again (nothing is learned from what is known already), also where
    fewer than k people are left: a class that vanishes after one person left would say so. Those that do not stand
    (withheld for a while, or nobody knows the standing mart) wait.
    """
    published = last_published(mart) if history and (release.hold_back or release.margins) else _nobody()
    session.keep(PUBLISHED, published)
    session.keep(CHANGES, changes_since(PUBLISHED, CONTRIBUTIONS))
    few = f"between 1 and {release.minimum_class_size - 1}" if release.hold_back else "is null"
    shown = "is_standing" if standing and _shows(session, release, standing) else "false"
    session.keep(HELD, f"select class_id, changed, {shown} as is_shown from {CHANGES} where changed {few}")


def held_classes(session: Session) -> int:
    """Count the classes that show their last figures."""
    return int(session.value(f"select count(*) from {HELD} where is_shown"))


def waiting(session: Session) -> int:
    """Count joiners and leavers that the candidate does not show yet."""
    return int(session.value(f"select coalesce(sum(changed), 0) from {HELD}"))


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
