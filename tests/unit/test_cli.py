"""The command line: for people and for scripts."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from trustmart.cli import app
from trustmart.errors import DestinationError, PolicyFault, ReleaseHeld, TrustmartError
from trustmart.settings import Settings

runner = CliRunner()
COMMANDS = [
    "night",
    "ingest",
    "forget",
    "transform",
    "release",
    "activate",
    "decide",
    "record",
    "decisions",
    "releases",
    "rollback",
    "budget",
    "check",
    "request",
    "generate",
    "status",
    "dbt",
    "docs",
    "anonymize",
    "inspect",
    "hierarchy",
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


def test_check_shows_where_a_model_s_columns_come_from(tmp_path: Path) -> None:
    """`check --model NAME --picture` lists each column's way back to its source, and draws it (S17)."""
    picture = tmp_path / "flow.svg"
    shown = runner.invoke(app, ["check", "--model", "dim_customer_segments", "--picture", str(picture)])
    assert shown.exit_code == 0
    assert "birth_date generalized to age_bands" in shown.output
    assert "stg_crm__customers" in picture.read_text()


def test_check_of_a_model_that_is_not_there_says_which_are() -> None:
    """A typo in --model is an error that lists the models (S57)."""
    refused = runner.invoke(app, ["check", "--model", "dim_nothing"])
    assert refused.exit_code == 1


def test_an_instant_that_is_none_is_refused() -> None:
    """A bad --as-of is an error that shows a good one (S01)."""
    refused = runner.invoke(app, ["ingest", "--as-of", "yesterday"], env={"TRUSTMART_KEY": "k" * 64})
    assert refused.exit_code == 1
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


KEY = {"TRUSTMART_KEY": "k" * 64}
NUMBER = "C-4242-4242"


def run(*words: str, env: Mapping[str, str] = KEY, typed: str | None = None) -> Result:
    """Type a command; unexpected exceptions come through, as they would on a terminal."""
    return runner.invoke(app, words, env=dict(env), input=typed, catch_exceptions=False)


def one_paragraph(said: Result) -> str:
    """Return what was said, once it is seen to be a sentence for people."""
    assert "Traceback" not in said.output
    assert 'File "' not in said.output
    text = said.stderr.strip()
    assert text
    assert "\n\n" not in text
    return text


def test_the_commands_are_the_verbs_and_their_helpers() -> None:
    """`trustmart` alone lists every command there is; none is left out of these tests (S57)."""
    assert set(typer.main.get_command(app).commands) == set(COMMANDS)  # type: ignore[attr-defined]
    listed = run()
    assert all(command in listed.output for command in COMMANDS)
    assert run("--version").output.startswith("trustmart ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    """Each parameter of each command has its line of help (S57)."""
    described = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    assert described.help
    assert [one.name for one in described.params if not getattr(one, "help", None) and one.name != "help"] == []


BAD_INSTANTS = ["", " ", "2026-13-45", "2026-11-20T25:00", "20.11.2026", "2026-11-2x"]
VERBS = ["night", "ingest", "forget", "transform", "release", "activate"]


@pytest.mark.parametrize(
    ("command", "instant"), [*(("forget", bad) for bad in BAD_INSTANTS), *((verb, "yesterday") for verb in VERBS)]
)
def test_whatever_is_no_instant_is_refused_before_anything_happens(tmp_path: Path, command: str, instant: str) -> None:
    """An empty or impossible --as-of is never taken for `now`; the warehouse is not even begun (S01)."""
    refused = run(command, "--as-of", instant)
    assert refused.exit_code == 1
    assert "2026-11-20T23:59:59Z" in refused.output
    assert not (tmp_path / "data" / "warehouse" / "restricted.duckdb").exists()


@pytest.mark.parametrize(
    ("instant", "told"),
    [
        ("2026-11-20", "2026-11-20T23:59:59+00:00"),
        ("2026-11-20T12:00", "2026-11-20T12:00:00+00:00"),
        ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00+00:00"),
        ("2026-11-20T12:00:00.9+02:00", "2026-11-20T10:00:00+00:00"),
    ],
)
def test_an_instant_is_a_day_or_a_moment_of_any_offset(instant: str, told: str) -> None:
    """A day means its last second, a moment without an offset is UTC (S01)."""
    done = run("forget", "--as-of", instant, "--json")
    assert json.loads(done.stdout)["as_of"] == told


@pytest.mark.parametrize(
    ("error", "code"),
    [(ReleaseHeld("dim_x is held"), 2), (PolicyFault(["a.yml:1: x"]), 1), (DestinationError("no disk"), 1)],
)
def test_held_is_2_and_every_other_no_is_1(monkeypatch: pytest.MonkeyPatch, error: TrustmartError, code: int) -> None:
    """A script tells what was kept back from what went wrong (S57)."""

    def no(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("trustmart.pipeline.forget", no)
    refused = run("forget")
    assert refused.exit_code == code
    assert one_paragraph(refused).startswith(f"{type(error).__name__}: {str(error)[:10]}")


@pytest.mark.parametrize(
    ("words", "env", "says"),
    [
        (["forget"], {}, "KeyMissing: no key: set TRUSTMART_KEY"),
        (["status"], {**KEY, "TRUSTMART_THREADS": "many"}, "TRUSTMART_THREADS: Input should be a valid integer"),
        (["status"], {**KEY, "TRUSTMART_DATA": "/dev/null/x"}, "NotADirectoryError: Not a directory (/dev/null/x"),
        (["generate", "/dev/null/x"], KEY, "NotADirectoryError: Not a directory"),
        (["check"], {**KEY, "TRUSTMART_POLICY": "/nowhere"}, "attributes.yml:1: there is no such file in nowhere/"),
        (["release"], KEY, "trustmart night"),
        (["activate"], KEY, "trustmart night"),
        (["request", "objection", "--customer-id", NUMBER, "--source", "erp"], KEY, "no source 'erp'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_goes_wrong_is_said_in_one_paragraph(words: list[str], env: dict[str, str], says: str) -> None:
    """No key, a wrong setting, a folder that is a file, nothing built yet: a sentence, and exit 1 or 2 (S57)."""
    refused = run(*words, env=env)
    assert refused.exit_code in (1, 2)
    assert says in one_paragraph(refused)


def test_a_setting_that_cannot_be_is_not_repeated() -> None:
    """A secret put into the wrong variable does not end up in a log (S68)."""
    refused = run("status", env={**KEY, "TRUSTMART_THREADS": "hunter2"})
    assert "hunter2" not in refused.output


def test_another_key_does_not_open_the_zones_and_is_not_shown() -> None:
    """With the wrong key nothing is read and nothing overwritten, and neither key is said (S68)."""
    run("forget")
    refused = run("forget", env={"TRUSTMART_KEY": "another" * 8})
    assert refused.exit_code == 1
    assert "does not open" in one_paragraph(refused)
    assert "another" * 2 not in refused.output
    assert run("forget").exit_code == 0


def test_activation_before_anything_was_built_says_what_to_type() -> None:
    """Nothing built, nothing sent, and the next command in the message (S57)."""
    run("forget")
    refused = run("activate")
    assert refused.exit_code == 1
    assert "trustmart transform" in one_paragraph(refused)


@pytest.mark.parametrize(
    "words",
    [
        ["request", "erasure", "--customer-id", NUMBER],
        ["request", "erasure", "--customer-id", NUMBER, "--json"],
        ["request", "objection", "--customer-id", NUMBER, "--scope", "loan_offers", "--json"],
        ["request", "restriction"],
        ["request", NUMBER],
        ["request", "erasure", NUMBER],
        ["request", "erasure", "--customer-id", NUMBER, "--source", "erp"],
        ["request", "erasure", "--customer-id", NUMBER, "--scope", "fun"],
    ],
    ids=" ".join,
)
def test_the_customers_number_is_never_repeated(
    tmp_path: Path, words: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever way the number is typed, right or wrong, it is in no output, log, or file in clear (S62)."""
    with caplog.at_level(logging.DEBUG):
        said = run(*words, typed=f"{NUMBER}\n")
    assert said.exit_code in (0, 1, 2)
    assert NUMBER not in said.output
    assert NUMBER not in caplog.text
    found = [path for path in tmp_path.rglob("*") if path.is_file() and NUMBER.encode() in path.read_bytes()]
    assert found == []


def test_a_request_rings_the_bell_without_saying_whose() -> None:
    """The file that the orchestrator watches is empty, and its owner's (S62)."""
    taken = json.loads(run("request", "objection", "--customer-id", NUMBER, "--json").stdout)
    assert set(taken) == {"request_id", "kind", "received_at"}
    bell = Settings().data_folder / "doorbell" / "privacy_request"
    assert bell.read_bytes() == b""
    assert bell.stat().st_mode & 0o777 == 0o600


def test_a_file_format_nobody_knows_is_refused(tmp_path: Path) -> None:
    """`generate --file-format xml` is an error, not CSV (S57)."""
    refused = run("generate", str(tmp_path / "crm"), "--file-format", "xml")
    assert refused.exit_code == 1
    assert not (tmp_path / "crm").exists()


def test_a_ledger_that_is_rubbish_is_told_like_any_broken_one(tmp_path: Path) -> None:
    """`status` says at which entry the ledger broke, whatever stands there now (S68)."""
    Settings().ledger_file.parent.mkdir(parents=True, exist_ok=True)
    Settings().ledger_file.write_text("rubbish\n")
    said = run("status", "--json")
    assert said.exit_code == 3
    assert json.loads(said.stdout)["ledger"] == "broken at entry 1"


def test_what_scripts_read_is_json_and_nothing_else(tmp_path: Path) -> None:
    """--json prints one JSON object to stdout, also where the exit code says that something was held (S57)."""
    crm = tmp_path / "crm"
    for words, code, has in (
        (["generate", str(crm), "--customers", "40", "--json"], 0, "rows"),
        (["check", "--json"], 0, "policy_version"),
        (["ingest", "--crm", str(crm), "--json"], 0, "tables"),
        (["forget", "--json"], 0, "erased"),
        (["request", "erasure", "--customer-id", NUMBER, "--json"], 0, "request_id"),
        (["release", "--json"], 2, "marts"),
        (["status", "--json"], 0, "ledger"),
    ):
        said = run(*words)
        assert said.exit_code == code, words
        assert has in json.loads(said.stdout)


@pytest.mark.slow
def test_a_night_and_its_stages_say_the_same_to_scripts(tmp_path: Path) -> None:
    """A whole night and each verb after it, as JSON; a CRM too small to be anonymous is held, with exit 2 (S12)."""
    crm = tmp_path / "crm"
    run("generate", str(crm), "--customers", "1000", "--json")
    night = run("night", "--crm", str(crm), "--as-of", "2030-01-01", "--json")
    assert night.exit_code == 2
    assert "ReleaseHeld" in one_paragraph(night)
    stages = json.loads(night.stdout)
    assert set(stages) == {"ingest", "forget", "transform", "release", "activate"}
    assert sum(audience["sent"] for audience in stages["activate"]["audiences"]) > 0
    for verb, code in (("transform", 0), ("release", 2), ("activate", 0)):
        again = run(verb, "--as-of", "2030-01-01", "--json")
        assert again.exit_code == code
        assert set(json.loads(again.stdout)) == set(stages[verb])
    assert sum(audience["sent"] for audience in json.loads(again.stdout)["audiences"]) == 0
    past = run("activate", "--as-of", "2029-01-01", "--json")
    assert past.exit_code == 2
    assert "ActivationHeld" in one_paragraph(past)
    dry = json.loads(run("activate", "--as-of", "2029-01-01", "--dry-run", "--json").stdout)
    assert dry["dry_run"] is True
