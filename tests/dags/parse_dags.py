"""Reads the DAG files the way Airflow does, and prints what they hold and what they touched, as JSON.

A program of its own, because Airflow fixes its home and its settings once per process.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

CODE = (".py", ".pyc", ".so", ".airflowignore")
touched: list[str] = []
watching = False


def watch(event: str, arguments: tuple) -> None:
    """Note every file that is not code, every connection and every child process."""
    if not watching:
        return
    if event == "open" and not str(arguments[0]).endswith(CODE):
        touched.append(f"open {arguments[0]}")
    if event in ("socket.connect", "subprocess.Popen", "sqlite3.connect"):
        touched.append(f"{event} {arguments[0]}")


def described(dag) -> dict:
    """Return the shape of a DAG."""
    return {
        "timetable": type(dag.timetable).__name__,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "params": sorted(dag.params),
        "doc": dag.doc_md or "",
        "tasks": {
            task.task_id: {
                "operator": type(task).__name__,
                "pool": task.pool,
                "trigger_rule": str(task.trigger_rule),
                "upstream": sorted(task.upstream_task_ids),
                "outlets": [outlet.name for outlet in task.outlets],
                "is_empty": bool(task.inherits_from_empty_operator),
            }
            for task in dag.tasks
        },
    }


def first_runs(dags: list) -> dict:
    """Return when a scheduler would run each DAG first, by the minute of the day at which it is started."""
    import time_machine
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    known = [DagSerialization.from_json(DagSerialization.to_json(dag)) for dag in dags]
    anytime = TimeRestriction(earliest=None, latest=None, catchup=False)
    runs: dict = {}
    for minute in range(0, 24 * 60, 7):
        now = datetime(2026, 11, 24, minute // 60, minute % 60, 30, tzinfo=UTC)
        with time_machine.travel(now, tick=False):
            for dag in known:
                first = dag.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=anytime)
                if first:
                    runs.setdefault(dag.dag_id, []).append((now.isoformat(), first.run_after.isoformat()))
    return runs


def main(folder: Path) -> None:
    """Read each file while watching, then the folder as a whole."""
    global watching
    import airflow.sdk.definitions.asset  # Airflow's own files are not what is watched
    import airflow.sdk.definitions.dag  # noqa: F401
    from airflow.dag_processing.dagbag import DagBag

    sys.addaudithook(watch)
    watching = True
    for path in sorted(folder.glob("*.py")):
        exec(compile(path.read_text(), str(path), "exec"), {"__name__": path.stem})
    watching = False
    bag = DagBag(str(folder))
    found = {name: described(dag) for name, dag in bag.dags.items()}
    late = first_runs(list(bag.dags.values()))
    json.dump({"errors": bag.import_errors, "touched": touched, "dags": found, "first_runs": late}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
