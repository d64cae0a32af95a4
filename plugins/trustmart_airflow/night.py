"""One whole night through Airflow in one process: `python -m trustmart_airflow.night [--as-of INSTANT]`.

The DAGs run in the order in which their assets trigger them, which Airflow's scheduler does otherwise.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trustmart.settings import Settings
from trustmart_airflow.environment import enter
from trustmart_airflow.narrator import Narrator, logs_in

FIRST = "ingest_crm"
BOXES = r"transform\.models\..*"


@dataclass(frozen=True, kw_only=True)
class NightThroughAirflow:
    """How a night went."""

    as_of: datetime
    states: dict[str, str]
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float
    log: Path

    @property
    def succeeded(self) -> bool:
        """True if every DAG did."""
        return set(self.states.values()) == {"success"}


def run_night(settings: Settings, *, as_of: datetime | None = None) -> NightThroughAirflow:
    """Set Airflow up where it is not, run the four DAGs, and say how it went. Prints a line per task."""
    began = time.monotonic()
    instant = (as_of or datetime.now(UTC)).replace(microsecond=0)
    enter(settings)
    log = settings.data_folder / "airflow" / "logs" / f"night-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.log"
    with logs_in(log) as console:
        with console.status("Airflow is starting (the first time takes half a minute) ..."):
            # Airflow reads its environment when it is imported, so not before now.
            from trustmart_airflow import database

            database.prepare()
            dags = database.load_dags()
        narrator = Narrator(console)
        _listen(narrator)
        states = _run_in_order(dags, instant)
    return NightThroughAirflow(
        as_of=instant,
        states=states,
        failures=narrator.failures,
        seconds=time.monotonic() - began,
        log=log,
    )


def _run_in_order(dags: dict[str, Any], instant: datetime) -> dict[str, str]:
    """Run the first DAG, then those whose assets have been told of, each once."""
    from trustmart_airflow.database import dags_rung, last_event

    states: dict[str, str] = {}
    waiting = [FIRST]
    while waiting:
        name = waiting.pop(0)
        since = last_event()
        states[name] = _run(dags[name], instant)
        rung = dags_rung(since=since) - {*states, *waiting}
        waiting += sorted(rung)
    return states


def _run(dag: Any, instant: datetime) -> str:
    """Run one DAG to its end, without the waiting that retries would mean."""
    for task in dag.tasks:
        task.retries = 0
    run = dag.test(run_conf={"as_of": instant.isoformat()}, mark_success_pattern=BOXES)
    return str(run.state)


def _listen(narrator: Narrator) -> None:
    """Let the narrator hear of every task."""
    from airflow.listeners import hookimpl
    from airflow.sdk.listener import get_listener_manager

    from trustmart_airflow.failures import OURS

    class Ear:
        """Hands Airflow's calls on."""

        @hookimpl
        def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
            """Hand on."""
            narrator.running(task_instance)

        @hookimpl
        def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
            """Hand on."""
            narrator.succeeded(task_instance)

        @hookimpl
        def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
            """Hand on, in our own words only."""
            narrator.failed(task_instance, str(error) if isinstance(error, OURS) else type(error).__name__)

    get_listener_manager().add_listener(Ear())


def main() -> int:
    """Run a night from the command line; 1 if a DAG failed."""
    parser = argparse.ArgumentParser(prog="python -m trustmart_airflow.night", description=__doc__)
    parser.add_argument("--as-of", type=datetime.fromisoformat, help="instant to decide for (ISO 8601)")
    as_of = parser.parse_args().as_of
    night = run_night(Settings(), as_of=as_of.replace(tzinfo=as_of.tzinfo or UTC) if as_of else None)
    sys.stdout.write(told(night))
    return 0 if night.succeeded else 1


def told(night: NightThroughAirflow) -> str:
    """Return what to say at the end."""
    lines = [f"{task}: {reason}" for task, reason in night.failures.items()]
    verdict = "succeeded" if night.succeeded else "did not succeed"
    lines.append(f"The night through Airflow {verdict} in {night.seconds:.0f} s. Airflow's log: {night.log}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
