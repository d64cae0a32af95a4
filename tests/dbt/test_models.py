"""The models' own unit tests, run by dbt on DuckDB."""

from datetime import UTC, datetime
from pathlib import Path

from trustmart.pipeline import forget, ingest, open_context
from trustmart.pipeline.dbt_project import run_dbt
from trustmart.pipeline.transform import check_fences
from trustmart.settings import Settings
from trustmart.sources.synthetic import generate


def test_every_model_does_what_its_unit_tests_say(tmp_path: Path, monkeypatch) -> None:
    """dbt's unit tests show the rule of each door, of consent and of every audience (S42)."""
    crm = tmp_path / "crm"
    generate(crm, customers=300)
    monkeypatch.setenv("TRUSTMART_CRM_FOLDER", str(crm))
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    context = open_context(as_of=at, now=at, settings=Settings(data=tmp_path / "data", key="k" * 64))
    ingest(context)
    forget(context)
    run = run_dbt(context, ["build", "--exclude-resource-type", "test"])
    unit_tests = [node for node in run.nodes if node.kind == "unit_test"]
    assert {node.name: node.status for node in unit_tests} == {node.name: "pass" for node in unit_tests}
    assert len(unit_tests) >= 8
    # And none of the shipped models reaches around its zone's door (S13).
    check_fences(context)
