"""The DAG files are wiring: nothing happens while Airflow reads them, and each task is one operator of ours."""

import ast
import importlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
FILES = sorted((PROJECT / "dags").glob("*.py"))
OURS = {"Ingest", "Forget", "DbtBuild", "Release", "Activate", "ModelsFailedAlarm", "HeldAlarm"}


def test_every_file_parses_into_the_dag_it_is_named_after(parsed: dict[str, Any]) -> None:
    """S01: Airflow loads four DAGs without an import error."""
    assert parsed["errors"] == {}
    assert sorted(parsed["dags"]) == [path.stem for path in FILES]
    assert len(FILES) == 4


def test_parsing_touches_nothing_but_code(parsed: dict[str, Any]) -> None:
    """S01: reading a DAG file opens no data, no socket, no database and no process."""
    assert parsed["touched"] == []


def test_a_dag_that_reads_a_file_while_parsed_is_found_out(tmp_path: Path, parse: Any) -> None:
    """S01: the watch over parsing notices what it has to notice."""
    (tmp_path / "planted.py").write_text("import socket\nopen('/etc/hostname').read()\n")
    assert parse(tmp_path)["touched"] == ["open /etc/hostname"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_wiring_only(path: Path) -> None:
    """S01: a DAG file is short, and its only function is the DAG."""
    text = path.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.Lambda)]
    assert [function.name for function in functions if isinstance(function, ast.FunctionDef)] == [path.stem]
    assert len(functions) == 1
    assert len(text.splitlines()) < 60


def test_assets_trigger_what_follows(parsed: dict[str, Any]) -> None:
    """S01: the night starts by the clock, assets trigger the rest, and requests are looked at in between."""
    timetables = {name: dag["timetable"] for name, dag in parsed["dags"].items()}
    assert timetables == {
        "ingest_crm": "CronTriggerTimetable",
        "build_marts": "AssetTriggeredTimetable",
        "activate_audiences": "AssetTriggeredTimetable",
        "forget_subjects": "AssetOrTimeSchedule",
    }
    assert parsed["dags"]["ingest_crm"]["tasks"]["ingest"]["outlets"] == ["restricted", "arrived_requests"]
    assert parsed["dags"]["build_marts"]["tasks"]["release"]["outlets"] == ["opened_zones"]


def test_a_new_scheduler_makes_up_for_no_night(parsed: dict[str, Any]) -> None:
    """S01: whenever a scheduler is started for the first time, its first run lies ahead."""
    assert set(parsed["first_runs"]) == {"ingest_crm", "forget_subjects"}
    for runs in parsed["first_runs"].values():
        assert len(runs) > 200
        assert [
            (now, first) for now, first in runs if datetime.fromisoformat(first) <= datetime.fromisoformat(now)
        ] == []


def test_tasks_take_turns_at_the_warehouse(parsed: dict[str, Any]) -> None:
    """S01: every task that opens a zone runs in the pool of one slot, and one run of a DAG at a time."""
    for dag in parsed["dags"].values():
        assert (dag["catchup"], dag["max_active_runs"], dag["params"]) == (False, 1, ["as_of"])
        working = [task for task in dag["tasks"].values() if not task["is_empty"]]
        assert {task["operator"] for task in working} <= OURS
        pools = {task["pool"] for task in working if not task["operator"].endswith("Alarm")}
        assert pools == {"trustmart_warehouse"}


def test_nothing_is_built_before_forget_and_nothing_released_after_a_failure(parsed: dict[str, Any]) -> None:
    """S03: forget comes before dbt, and a failed model stops the release."""
    tasks = parsed["dags"]["build_marts"]["tasks"]
    assert tasks["transform.dbt_build"]["upstream"] == ["forget"]
    assert tasks["transform.models_failed"]["upstream"] == ["transform.dbt_build"]
    assert tasks["release"]["upstream"] == ["transform.dbt_build", "transform.models_failed"]
    assert tasks["release"]["trigger_rule"].lower().endswith("none_failed_min_one_success")


def test_every_dbt_model_has_its_box(parsed: dict[str, Any]) -> None:
    """S01: the graph shows dbt's own models and lineage, as the project has them now."""
    nodes = importlib.import_module("trustmart_airflow.nodes_from_dbt")
    parents = nodes.parents_in(nodes.manifest_of_the_project())
    group = "transform.models."
    boxes = {
        name.removeprefix(group): task
        for name, task in parsed["dags"]["build_marts"]["tasks"].items()
        if name.startswith(group)
    }
    drawn = {
        name: tuple(above.removeprefix(group) for above in box["upstream"] if above.startswith(group))
        for name, box in boxes.items()
    }
    assert drawn == parents, "models have changed; run: python -m trustmart_airflow.nodes_from_dbt"
    assert all(box["is_empty"] and box["outlets"] == [] for box in boxes.values()), "a box would cost a worker"
