"""The table beside the marts in which readers see, mart by mart, which release they have and how old it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trustmart.pipeline.context import Context
from trustmart.pipeline.standing import nights_old
from trustmart.warehouse import Session, naive_utc

_COLUMNS = (
    "mart varchar, title varchar, release_id varchar, released_at timestamp, policy_version varchar,"
    " minimum_class_size bigint, smallest_class bigint, people bigint, status varchar"
)


def list_releases(
    session: Session, context: Context, published: Mapping[str, Mapping[str, Any]], *, older: str = "held"
) -> None:
    """Write `anonymized.releases`. published: what the manifest says of each mart that readers get.

    older: what is said of a mart that is not of this night.
    """
    session.run(f"create table anonymized.releases ({_COLUMNS})")
    for mart, facts in published.items():
        title = context.policy.releases[mart].title
        figures = ("policy_version", "minimum_class_size", "smallest_class", "people")
        released_at = datetime.fromisoformat(facts["released_at"])
        session.run(
            "insert into anonymized.releases values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [mart, title, facts["release_id"], released_at]
            + [facts[name] for name in figures]
            + [status_of(facts, naive_utc(context.as_of), older=older)],
        )


def status_of(facts: Mapping[str, Any], at: datetime, *, older: str) -> str:
    """Say whether a mart is of the night, older, or put back, and how old it is. at: the night, in UTC, unmarked."""
    released_at = datetime.fromisoformat(facts["released_at"])
    if "put_back_at" in facts:
        word = "put back"
    elif released_at == at:
        return "released"
    else:
        word = older
    nights = nights_old(released_at, at)
    return f"{word}; readers see {released_at:%Y-%m-%d} ({nights} {'night' if nights == 1 else 'nights'} old)"
