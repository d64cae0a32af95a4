"""The checkpoints of the restricted and of the personal zone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trustmart.gates import ZoneGateReport, inspect_zones
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse, Zone

Plant = Callable[..., None]
Reports = dict[Zone, ZoneGateReport]
BATCHES = """
create table batches (batch_id varchar, source varchar, table_name varchar, rows_in bigint, loaded bigint,
    quarantined bigint);
create table batch_reasons (batch_id varchar, source varchar, table_name varchar, reason varchar, rows bigint);
insert into batches values ('b1', 'crm', 'customers', 10, 8, 2), ('b2', 'crm', 'customers', 3, 3, 0);
insert into batch_reasons values ('b1', 'crm', 'customers', 'no_key', 1), ('b1', 'crm', 'customers', 'bad_date', 1);
"""


@pytest.fixture
def report(policy: Policy, warehouse: DuckDBWarehouse, plant: Plant, tmp_path: Path) -> Callable[[], Reports]:
    """Return a function that runs both checkpoints, over two batches that came in."""
    plant(BATCHES)
    return lambda: inspect_zones(policy, warehouse, data_docs_folder=tmp_path / "docs")


def found(reports: Reports, zone: Zone) -> dict[str, list[str]]:
    """Return what was found, by table."""
    return {table: [one.what for one in findings] for table, findings in reports[zone].findings.items() if findings}


def test_what_came_in_adds_up(report: Callable[[], Reports], tmp_path: Path) -> None:
    """S01: in order, both zones say so, and each has its pages."""
    reports = report()
    told = [one.as_dict() for one in reports.values()]
    checks = [check for one in told for asked in one.pop("checks").values() for check in asked]
    assert [(one["met"], one["found"]) for one in checks] == [(True, 0)] * 5
    assert told == [
        {"zone": "restricted", "verdict": "met", "tables": 2, "expectations": 2, "reasons": []},
        {"zone": "personal", "verdict": "met", "tables": 1, "expectations": 3, "reasons": []},
    ]
    index = (tmp_path / "docs" / "index.html").read_text(encoding="utf-8")
    assert all(name in index for name in ("raw_crm__customers", "batches", "aud_news__active"))


PLANTS: dict[str, tuple[str, Zone, dict[str, list[str]]]] = {
    "a row of nobody": (
        "update raw_crm__customers set subject_id = null where given_name = 'Ada'",
        "restricted",
        {"raw_crm__customers": ["1 rows of raw_crm__customers name no subject"]},
    ),
    "a lost row": (
        "update batches set rows_in = 11 where batch_id = 'b1'",
        "restricted",
        {"batches": ["1 batches lost rows, or rejected some without a reason"]},
    ),
    "a rejected row without a reason": (
        "delete from batch_reasons where reason = 'no_key'",
        "restricted",
        {"batches": ["1 batches lost rows, or rejected some without a reason"]},
    ),
    "a table that names nobody": (
        "alter table raw_crm__customers drop column subject_id",
        "restricted",
        {"raw_crm__customers": ["raw_crm__customers does not say whose its rows are"]},
    ),
    "a row without permission": (
        "insert into aud_news__active values ('somebody', 'x@y.example', 'X')",
        "personal",
        {"aud_news__active": ["1 rows have no permission for news"]},
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_what_does_not_add_up_is_said(name: str, report: Callable[[], Reports], plant: Plant, tmp_path: Path) -> None:
    """S01, S42: what is planted is found by Great Expectations, counted, and no page tells of whom."""
    statement, zone, expected = PLANTS[name]
    plant(statement, zone=zone)
    assert found(report(), zone) == expected
    pages = "".join(page.read_text(encoding="utf-8") for page in (tmp_path / "docs").rglob("*.html"))
    assert "✗" in pages or "Failed" in pages
    assert not any(secret in pages for secret in ("Ada", "x@y.example", "planted@"))
