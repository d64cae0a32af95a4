"""The command line: for people and for scripts."""

import json

import pytest
from typer.testing import CliRunner

from trustmart.cli import app

runner = CliRunner()
COMMANDS = [
    "night",
    "ingest",
    "forget",
    "transform",
    "release",
    "activate",
    "check",
    "request",
    "generate",
    "status",
    "dbt",
    "docs",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """--help says what a command does (S57)."""
    shown = runner.invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


def test_check_tells_a_script_the_version() -> None:
    """`check --json` is JSON with the policy's version and counts (S31)."""
    said = json.loads(runner.invoke(app, ["check", "--json"]).output)
    assert said["audiences"] == 3
    assert len(said["policy_version"]) == 12


def test_an_instant_that_is_none_is_refused() -> None:
    """A bad --as-of is an error that shows a good one (S01)."""
    refused = runner.invoke(app, ["ingest", "--as-of", "yesterday"], env={"TRUSTMART_KEY": "k" * 64})
    assert refused.exit_code == 2
    assert "2026-11-20" in refused.output


def test_an_error_is_one_paragraph(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extract is exit 1 and a sentence with the next command, without a traceback (S03)."""
    monkeypatch.setenv("TRUSTMART_KEY", "k" * 64)
    refused = runner.invoke(app, ["ingest", "--crm", str(tmp_path / "nowhere")])
    assert refused.exit_code == 1
    assert "SourceMissing" in refused.output
    assert "trustmart generate" in refused.output.replace("\n", " ")
    assert "Traceback" not in refused.output


def test_a_request_is_taken_down_without_repeating_whose(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receipt of a request has an id of its own, never the customer's number (S62)."""
    monkeypatch.setenv("TRUSTMART_KEY", "k" * 64)
    taken = runner.invoke(app, ["request", "erasure"], input="C424242\n")
    assert taken.exit_code == 0
    assert "TM-" in taken.output
    assert "C424242" not in taken.output


def test_a_request_of_another_kind_or_scope_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what somebody will act on is taken down (S62)."""
    monkeypatch.setenv("TRUSTMART_KEY", "k" * 64)
    assert runner.invoke(app, ["request", "praise", "--customer-id", "C1"]).exit_code == 1
    refused = runner.invoke(app, ["request", "objection", "--customer-id", "C1", "--scope", "spam"])
    assert refused.exit_code == 1
    assert "loan_offers" in refused.output


def test_status_tells_a_broken_ledger(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that was tampered with is exit 3 (S68)."""
    monkeypatch.setenv("TRUSTMART_KEY", "k" * 64)
    assert runner.invoke(app, ["status", "--json"]).exit_code == 0
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    entry = {"number": 1, "at": "x", "kind": "release", "facts": {}, "previous": "0" * 64, "digest": "forged"}
    (folder / "ledger.jsonl").write_text(json.dumps(entry) + "\n")
    assert runner.invoke(app, ["status", "--json"]).exit_code == 3
