"""trustmart record and decisions: what a data protection officer asks for."""

import csv
import io
import json
import re
from pathlib import Path

from typer.testing import CliRunner

from trustmart.cli import app
from trustmart.legal_basis.record import COLUMNS
from trustmart.pipeline import open_context
from trustmart.pipeline.use_cases import record_decisions
from trustmart.policy import load_policy
from trustmart.settings import Settings

POLICY = load_policy(Settings().policy_folder, environment={})
runner = CliRunner()


def test_the_record_of_processing_is_a_page_and_a_spreadsheet(tmp_path: Path) -> None:
    """S57: every use case of the policy is in the record, as CSV and as a page that loads nothing from elsewhere."""
    page, sheet = tmp_path / "record.html", tmp_path / "record.csv"
    result = runner.invoke(app, ["record", "--html", str(page), "--csv", str(sheet)])
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(sheet.read_text())))
    assert [row["use_case"] for row in rows] == list(POLICY.use_cases)
    assert tuple(rows[0]) == COLUMNS
    text = page.read_text()
    assert all(f'id="{name}"' in text for name in POLICY.use_cases)
    assert not re.search(r"(src|href)=\"https?:", text)
    assert POLICY.version in text


def test_the_record_for_scripts_and_for_a_pipe() -> None:
    """S57: without a file the record is printed, as JSON or as CSV."""
    as_json = json.loads(runner.invoke(app, ["record", "--json"]).output)
    as_csv = list(csv.DictReader(io.StringIO(runner.invoke(app, ["record"]).output)))
    assert [row["legal_basis"] for row in as_json] == [row["legal_basis"] for row in as_csv]
    assert {"anonymous", "contract", "legitimate_interest", "consent"} <= {
        row["legal_basis"].split()[0] for row in as_json
    }


def test_decisions_lists_what_was_decided_under_which_policy(monkeypatch) -> None:
    """S31: each verdict is listed with its version; before the first build there is none, and it says so."""
    monkeypatch.setenv("TRUSTMART_GENERATE_KEY", "1")
    assert "trustmart transform" in runner.invoke(app, ["decisions"]).output
    record_decisions(open_context())
    found = json.loads(runner.invoke(app, ["decisions", "--json"]).output)
    assert {entry["use_case"] for entry in found} == set(POLICY.use_cases)
    assert {entry["policy_version"] for entry in found} == {POLICY.version}
    (one,) = json.loads(runner.invoke(app, ["decisions", "--use-case", "loan_offers", "--json"]).output)
    assert (one["legal_basis"], one["status"]) == ("legitimate_interest", "ready")
    assert "loan_offers" in runner.invoke(app, ["decisions"], terminal_width=200).output
