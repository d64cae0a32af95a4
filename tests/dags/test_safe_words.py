"""What a task may say when something goes wrong, and for which instant it speaks."""

import traceback
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from trustmart.errors import ReleaseHeld, WarehouseBusy

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
MORNING = datetime(2026, 11, 21, 9, tzinfo=UTC)


# In two pieces, because a traceback shows lines of this file too.
MAIL = "ada" + "@example.org"


def _raise(error: Exception) -> Any:
    raise error


def test_a_librarys_words_are_kept_out_of_the_log(plugin: SimpleNamespace) -> None:
    """S68: an error of a library is told by its kind and place, never by its message or its cause."""
    with pytest.raises(plugin.failures.TryAgain) as caught:
        plugin.failures.told_safely(lambda: _raise(ValueError(MAIL)), stage="ingest")
    printed = "".join(traceback.format_exception(caught.value))
    assert MAIL not in printed
    assert "ingest broke off with ValueError at dags/test_safe_words.py:" in printed
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_our_own_words_are_told_as_they_are(plugin: SimpleNamespace) -> None:
    """S03: a refusal says why in full, and is not tried again in vain."""
    with pytest.raises(plugin.failures.Refused, match="ReleaseHeld: dim_x is held"):
        plugin.failures.told_safely(lambda: _raise(ReleaseHeld("dim_x is held")), stage="release")


def test_what_passes_by_itself_is_tried_again(plugin: SimpleNamespace) -> None:
    """S01: a busy warehouse or a late extract is retried."""
    with pytest.raises(plugin.failures.TryAgain, match="WarehouseBusy"):
        plugin.failures.told_safely(lambda: _raise(WarehouseBusy("another run is writing")), stage="forget")


def test_a_notice_quotes_our_own_words_only(plugin: SimpleNamespace) -> None:
    """S68: the notice of a failure holds a foreign exception's kind and nothing more."""
    task = SimpleNamespace(dag_id="build_marts", task_id="release", run_id="r1")
    told = plugin.notifiers.told
    foreign, ours = ValueError(MAIL), plugin.failures.Refused("3 held")
    assert told({"ti": task, "exception": foreign}) == "Trustmart: build_marts.release of r1: ValueError"
    assert told({"ti": task, "exception": ours}) == "Trustmart: build_marts.release of r1: 3 held"


def context(*events: dict[str, Any], typed: str | None = None, kind: str = "asset_triggered") -> dict[str, Any]:
    """Return what Airflow hands a task, as far as the instant is concerned."""
    run = SimpleNamespace(run_type=kind, data_interval_end=NIGHT, logical_date=None, run_after=MORNING)
    triggering = {"an asset": [SimpleNamespace(extra=event) for event in events]}
    return {"params": {"as_of": typed}, "triggering_asset_events": triggering, "dag_run": run}


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        (context({"as_of": "2026-01-02T02:00:00+00:00"}, typed="2025-05-05T00:00:00Z"), "2025-05-05T00:00:00"),
        (context({"as_of": "2026-01-02T02:00:00+00:00"}), "2026-01-02T02:00:00"),
        (context({"from_trigger": True}, {"as_of": "2026-01-02T02:00:00+00:00"}), "2026-11-21T09:00:00"),
        (context(kind="scheduled"), "2026-11-21T02:00:00"),
        (context(kind="manual"), "2026-11-21T09:00:00"),
    ],
    ids=["typed", "carried by an asset", "the doorbell means now", "a night's own date", "now, by hand"],
)
def test_a_run_speaks_for_one_instant(plugin: SimpleNamespace, given: dict[str, Any], instant: str) -> None:
    """S01: what somebody typed comes first, then what the assets carry, then the run's own date."""
    assert plugin.instants.instant_of(given) == datetime.fromisoformat(f"{instant}+00:00")
