"""One night through Airflow in one process, good and bad."""

import json
import secrets
import shutil
from email import message_from_string
from pathlib import Path

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

PROJECT = Path(__file__).parents[2]
BOXES = "transform.models."


def test_a_night_runs_from_the_crm_to_the_audiences(night) -> None:
    """S01: four DAGs run in the order of their assets, and leave reports of all five stages and a page."""
    assert night.returncode == 0, night.output
    order = [dag for (dag,) in night.query("select dag_id from dag_run order by id")]
    assert order == ["ingest_crm", "build_marts", "forget_subjects", "activate_audiences"]
    assert {state for (state,) in night.query("select state from dag_run")} == {"success"}
    stages = ("ingest", "forget", "transform", "release", "activate")
    assert {night.stage(stage)["as_of"] for stage in stages} == {"2026-11-21T02:00:00+00:00"}
    assert list((night.data / "runs").glob("2*/report.html"))
    assert night.query("select * from asset_dag_run_queue") == [], "a scheduler would run these once more"


def test_a_good_night_is_green_and_its_alarms_are_skipped(night) -> None:
    """S01: every model's box is green, and both alarms are skipped."""
    states = night.states("build_marts")
    alarms = {name: states.pop(name) for name in ("transform.models_failed", "held")}
    assert set(alarms.values()) == {"skipped"}
    assert set(states.values()) == {"success"}
    assert len([name for name in states if name.startswith(BOXES)]) > 20


def test_nobody_is_in_logs_xcoms_events_or_reports(night, people) -> None:
    """S68: the night's logs, XComs, asset events and reports name no customer."""
    assert night.query("select count(*) from xcom")[0][0] >= 5
    assert people(night.data).in_text(night.said()) == 0


def test_the_search_for_people_finds_a_planted_one(night, people) -> None:
    """S68: the search that finds nobody would find somebody."""
    crowd = people(night.data)
    planted = f"{min(crowd.mails)} and {min(crowd.numbers)}"
    assert crowd.in_text(night.said() + planted) == 2


def test_what_is_held_is_red_and_mailed_while_audiences_still_go_out(tmp_path: Path, a_night, mailbox) -> None:
    """S03: a mart that its gate holds is red, somebody gets a mail of counts, and audiences are published.

    The key comes from an Airflow connection here, and is found nowhere afterwards.
    """
    policy = tmp_path / "policy"
    shutil.copytree(PROJECT / "policy", policy)
    releases = policy / "releases.yml"
    releases.write_text(releases.read_text().replace("maximum_suppressed: 0.", "maximum_suppressed: 0.000000"))
    host, port = mailbox.server_address
    key = secrets.token_hex(32)
    night = a_night(
        tmp_path,
        TRUSTMART_POLICY=str(policy),
        TRUSTMART_NOTIFY="privacy@bank.example",
        AIRFLOW_CONN_SMTP_DEFAULT=f"smtp://{host}:{port}/?disable_ssl=true&disable_tls=true&from_email=a%40b.example",
        AIRFLOW_CONN_TRUSTMART_KEY=json.dumps({"conn_type": "generic", "password": key}),
    )
    assert night.returncode == 1
    assert "build_marts.held: ReleaseHeld" in night.output
    (letter,) = mailbox.letters
    text = "".join(
        str(part.get_payload(decode=True)) for part in message_from_string(letter).walk() if not part.is_multipart()
    )
    assert "build_marts.held" in text
    assert not (tmp_path / "key").exists()
    assert key not in night.said()
    states = night.states("build_marts")
    assert (states["release"], states["held"]) == ("success", "failed")
    assert night.states("activate_audiences") == {"activate": "success"}
    events = {name for (name,) in night.query("select name from asset_event join asset on asset.id = asset_id")}
    # The noisy mart leaves nobody out, so it is released all the same.
    assert events == {"restricted", "privacy_requests", "personal", "anonymized"}


def test_a_mart_without_a_right_is_not_green_and_its_destination_is_told(tmp_path: Path, a_night) -> None:
    """S03: with no audience left that may be sent, no box is green that was not built, and destinations still hear of it."""
    policy = tmp_path / "policy"
    shutil.copytree(PROJECT / "policy", policy)
    use_cases = policy / "use_cases.yml"
    use_cases.write_text(use_cases.read_text().replace("legal: dpo", "legal: null"))
    night = a_night(tmp_path, TRUSTMART_POLICY=str(policy))
    assert "is a draft" in night.output
    states = night.states("build_marts")
    assert (states["transform.models_failed"], states["release"], states["held"]) == ("skipped", "success", "failed")
    boxes = {name.removeprefix(BOXES): state for name, state in states.items() if name.startswith(BOXES)}
    marts = {name for name in boxes if name.startswith(("aud_", "score_", "dim_", "fct_"))}
    assert {boxes[name] for name in marts} == {"skipped"}
    assert {state for name, state in boxes.items() if name not in marts} == {"success"}
    assert night.states("activate_audiences") == {"activate": "success"}


def test_a_failed_model_is_not_green_and_stops_the_release(tmp_path: Path, a_night) -> None:
    """S03: a model that dbt cannot build is named in red, what hangs from it is skipped, nothing is released."""
    home = tmp_path / "home"
    for part in ("policy", "dbt_project", "dags", "plugins"):
        shutil.copytree(PROJECT / part, home / part, ignore=shutil.ignore_patterns("target", "__pycache__"))
    (model,) = (home / "dbt_project").rglob("int_customers__generalized.sql")
    # The engine refuses it, not the type check: nothing can be told to be wrong before it runs.
    model.write_text(model.read_text() + "\nwhere cast('no date' as date) is not null\n")
    night = a_night(tmp_path, TRUSTMART_HOME=str(home))
    assert night.returncode == 1
    assert "int_customers__generalized" in night.output
    states = night.states("build_marts")
    assert states["transform.models_failed"] == "failed"
    assert (states["release"], states["held"]) == ("upstream_failed", "upstream_failed")
    assert states[f"{BOXES}int_customers__deduplicated"] == "success"
    assert states[f"{BOXES}int_customers__generalized"] == "skipped"
    assert states[f"{BOXES}dim_customer_segments"] == "skipped"
    assert not (tmp_path / "warehouse" / "anonymized.duckdb").exists()
