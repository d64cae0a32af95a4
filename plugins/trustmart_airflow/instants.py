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
    own = _own_instant(context["dag_run"])
    return max(_carried_by(context["triggering_asset_events"], own), default=own)


def _own_instant(run: Any) -> datetime:
    """Return the date of a run: the end of the time it covers, or when somebody triggered it."""
    if run.run_type in ("scheduled", "backfill"):
        moment: datetime = run.data_interval_end or run.run_after
    else:
        moment = run.logical_date or run.run_after
    return moment


def _carried_by(events: Any, own: datetime) -> Iterable[datetime]:
    """Yield the instants in the extras of the triggering events; a doorbell carries none, so it means now."""
    for triggering in events.values():
        for event in triggering:
            told = event.extra.get("as_of")
            yield _parsed(told) if told else own


def _parsed(text: str) -> datetime:
    """Read an ISO instant; one without a time zone is UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
