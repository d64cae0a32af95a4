"""Reads the DAG files the way Airflow does, and prints what they hold and what they touched, as JSON.

A program of its own, because Airflow fixes its home and its settings once per process.
"""

import json
import sys
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
    json.dump({"errors": bag.import_errors, "touched": touched, "dags": found}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
