"""One night under a real scheduler: ingest_crm is triggered by hand, assets trigger the rest."""

import pytest

from trustmart.settings import Settings

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

AS_OF = "2026-11-21T02:00:00+00:00"


def test_assets_trigger_the_rest_of_the_night(scheduled) -> None:
    """S01: under the scheduler every DAG of the chain succeeds, for the instant that was asked for."""
    runs = {run["dag_id"]: run["state"] for run in scheduled.airflow.runs() if run["run_type"] != "scheduled"}
    assert runs == dict.fromkeys(("ingest_crm", "build_marts", "activate_audiences", "forget_subjects"), "success")
    for stage in ("ingest", "transform", "release", "activate"):
        assert scheduled.deployment.stage(stage)["as_of"] == AS_OF
    events = scheduled.airflow.ask("/api/v2/assets/events")["asset_events"]
    assert {event["name"] for event in events} == {"restricted", "privacy_requests", "anonymized", "personal"}
    assert {event["extra"]["as_of"] for event in events} == {AS_OF}


def test_boxes_and_alarms_cost_no_worker(scheduled) -> None:
    """S01: the scheduler completes the boxes of dbt's models itself, and skips the alarms."""
    instances = scheduled.airflow.ask("/api/v2/dags/build_marts/dagRuns/~/taskInstances?limit=100")
    tasks = {task["task_id"]: task for task in instances["task_instances"]}
    boxes = [task for name, task in tasks.items() if name.startswith("transform.models.")]
    assert {box["state"] for box in boxes} == {"success"}
    assert {box["queued_when"] for box in boxes} == {None}
    assert {tasks[name]["state"] for name in ("transform.models_failed", "held")} == {"skipped"}


def test_the_scheduler_leaves_nobody_in_logs_and_xcoms(scheduled, people) -> None:
    """S68: task logs, XComs and asset events of a scheduled night name no customer."""
    said = scheduled.deployment.said()
    assert "dim_customer_segments" in said
    assert people(scheduled.deployment.data).in_text(said) == 0


def test_a_request_rings_the_bell(scheduled, people) -> None:
    """S01: somebody who asks to be forgotten is forgotten within a minute, and so is the next one."""
    from trustmart.pipeline import open_context, receive_request

    context = open_context(settings=Settings(data=scheduled.deployment.data))
    numbers = sorted(people(scheduled.deployment.data).numbers)
    before = len(scheduled.airflow.runs("forget_subjects", kind="asset_triggered"))
    for count, number in enumerate(numbers[:2], start=1):
        receive_request(context, kind="erasure", customer_id=number, source="crm")
        run = scheduled.airflow.wait_for("forget_subjects", kind="asset_triggered", runs=before + count, seconds=90)
        assert run["state"] == "success"
    erased = context.ledger.last("erasure")
    assert erased is not None
    assert erased.facts["people"] >= 1


def test_the_privacy_page_asks_for_airflows_token(scheduled) -> None:
    """S03: no route of the Privacy page answers without Airflow's own token; with it, the night is there."""
    airflow = scheduled.airflow
    (page,) = (scheduled.deployment.data / "runs").glob("2*/report.html")
    night = f"/trustmart/nights/{page.parent.name}"
    for path in ("/trustmart/", night, "/trustmart/nights/20000101T000000Z"):
        assert airflow.status_of(path)[0] == 401
        assert airflow.status_of(path, token="made.up.token")[0] in (401, 403)
    for path in ("/trustmart/docs", "/trustmart/openapi.json", "/trustmart/nights/..%2f..%2fledger.jsonl"):
        assert airflow.status_of(path, token=airflow.token)[0] in (404, 422)
    assert page.parent.name in airflow.status_of("/trustmart/", token=airflow.token)[1]
    assert airflow.status_of(night, token=airflow.token) == (200, page.read_text())
    assert "/trustmart/" in str(airflow.ask("/api/v2/plugins"))
