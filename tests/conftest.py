"""What every test starts from: no settings of this machine, no telemetry, repeatable Hypothesis."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

PROJECT = Path(__file__).resolve().parents[1]
BANK_CRM = PROJECT.parent / "shared" / "data" / "bank_crm"

settings.register_profile(
    "trustmart", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("trustmart")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave tests on the bank's CRM out where its files are not there."""
    if BANK_CRM.is_dir():
        return
    missing = pytest.mark.skip(reason="the bank's CRM extract is not at ../shared/data/bank_crm")
    for item in items:
        if "bank_crm" in item.keywords:
            item.add_marker(missing)


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep a developer's own settings out, and whatever a test makes in its own folder."""
    for name in [name for name in os.environ if name.startswith("TRUSTMART_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRUSTMART_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TRUSTMART_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "false")
