"""Great Expectations swallows exceptions; the gate takes no silence for a yes, and repeats no message."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trustmart.gates import checks, inspect_all
from trustmart.gates.suites import requirements
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse

Plant = Callable[..., None]
EMAIL = b"ada.planted@example.org"
KEY = b"a-key-that-must-not-be-found-anywhere"


def _break(reader: Any, **_: Any) -> list[Any]:
    raise ValueError(f"could not convert {EMAIL.decode()}")


@pytest.mark.parametrize("check", ["k_anonymity", "no_direct_identifiers", "suppression"])
def test_a_check_that_breaks_holds_and_tells_only_the_type(
    check: str, policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: an error inside a metric holds the mart."""
    monkeypatch.setitem(checks.CHECKS, check, _break)  # type: ignore[arg-type]
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert len(report.findings) == 1
        assert "could not be measured (ValueError)" in report.reasons[0]
        assert "planted" not in str(report.as_dict())


def test_a_check_that_breaks_only_inside_great_expectations_holds(
    policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: both ways of asking must agree."""
    from trustmart.gates import expectations

    def broken(*_: Any) -> int:
        raise expectations.NotMeasured(f"{expectations.NOT_MEASURED}CatalogException")

    monkeypatch.setattr(expectations, "_findings", broken)
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert len(report.findings) == len(requirements(policy, report.mart))
        assert all("by Great Expectations (CatalogException)" in reason for reason in report.reasons)


def test_a_no_that_nobody_can_explain_holds(
    policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: the gate needs two yeses."""
    from trustmart.gates import expectations

    monkeypatch.setattr(expectations, "_findings", lambda *_: 1)
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert all("is not met, though a second count finds nothing" in reason for reason in report.reasons)
        assert report.held


def test_a_yes_of_great_expectations_alone_does_not_release(
    policy: Policy, warehouse: DuckDBWarehouse, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: the gate needs two yeses."""
    from trustmart.gates import expectations

    plant("insert into anonymized_candidate.dim_segments values ('65+', 'north', 1, 5.0)")
    monkeypatch.setattr(expectations, "_findings", lambda *_: 0)
    segments, _ = inspect_all(policy=policy, warehouse=warehouse)
    assert segments.held


def test_great_expectations_that_does_not_start_holds(
    policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S12: no gate, no release."""
    monkeypatch.setitem(sys.modules, "great_expectations", None)
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert all("by Great Expectations (ModuleNotFoundError)" in reason for reason in report.reasons)
        assert report.held


def test_nothing_of_a_person_and_no_key_leaves_the_warehouse(
    policy: Policy,
    warehouse: DuckDBWarehouse,
    plant: Plant,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S12: pages, logs and reports hold counts and names of columns, even where a mart is full of e-mails."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    plant(
        f"insert into anonymized_candidate.dim_segments values ('{EMAIL.decode()}', 'bo@hidden.example', 50, 1.0)",
        f"alter table anonymized_candidate.fct_outcomes add column mail varchar default '{EMAIL.decode()}'",
    )
    with caplog.at_level(logging.DEBUG):
        reports = inspect_all(policy=policy, warehouse=warehouse, data_docs_folder=tmp_path / "docs")
    assert all(report.held for report in reports)
    printed = capfd.readouterr()
    said = "\n".join([caplog.text, printed.out, printed.err, *(str(report) for report in reports)]).encode()
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    pages = [path for path in written if path.suffix == ".html"]
    assert len(pages) == 5
    assert not any(b"http" in written[page].replace(b"http://www.w3.org", b"") for page in pages)
    for content in (said, *written.values()):
        for secret in (EMAIL, b"hidden.example", KEY, warehouse.key("restricted").encode()):
            assert secret not in content.lower()
    assert not list(home.iterdir())


def test_importing_the_gates_is_cheap() -> None:
    """STYLE: a DAG is parsed every few seconds; Great Expectations costs seconds to import."""
    program = (
        "import sys, trustmart.gates;"
        "print({'great_expectations', 'pandas', 'sqlalchemy', 'duckdb_engine'} & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "set()"
