"""For which instant a run speaks."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any


def instant_of(context: Any) -> datetime:
    """Return the `as_of` somebody typed, else what the triggering assets carry, else the run's own date.

    It stays the same for all tasks of a run and all retries of a task.
    """
    if typed := context["params"].get("as_of"):
        return _parsed(typed)
    if carried := list(_carried_by(context["triggering_asset_events"])):
        return max(carried)
    run = context["dag_run"]
    if run.run_type in ("scheduled", "backfill"):
        return run.data_interval_end or run.run_after
    return run.logical_date or run.run_after


def _carried_by(events: Any) -> Iterable[datetime]:
    """Yield the instants in the extras of the events that triggered a run (a doorbell carries none)."""
    for triggering in events.values():
        for event in triggering:
            if told := event.extra.get("as_of"):
                yield _parsed(told)


def _parsed(text: str) -> datetime:
    """Read an ISO instant; one without a time zone is UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
