"""The consent gate: every row of an audience proves its permission."""

from collections.abc import Callable

import pytest

from trustmart.errors import ActivationHeld
from trustmart.gates import AudienceGateReport, inspect_audiences
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse

Plant = Callable[..., None]
AUDIENCE = "aud_news__active"
ADA = "b8f0c2d4e6a81357b8f0c2d4e6a81357"


@pytest.fixture
def report(policy: Policy, warehouse: DuckDBWarehouse) -> Callable[[], AudienceGateReport]:
    """Return a function that asks the gate about the one audience."""
    return lambda: inspect_audiences(policy, warehouse)[0]


def counts(report: AudienceGateReport) -> dict[str, int]:
    """Return what was found and how often."""
    assert report.held
    return {finding.what: finding.count for finding in report.findings}


def test_an_audience_of_the_permitted_is_released(report: Callable[[], AudienceGateReport]) -> None:
    """S42: every row has a permission for its purpose."""
    told = report().as_dict()
    assert [one["met"] for one in told.pop("checks")] == [True, True, True]
    assert told == {
        "audience": AUDIENCE,
        "title": "News",
        "use_case": "news",
        "verdict": "released",
        "rows": 1,
        "reasons": [],
    }


def test_an_empty_audience_is_released(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S39: nobody has agreed yet, so nobody is addressed."""
    plant(f"delete from {AUDIENCE}", zone="personal")
    assert (report().held, report().rows) == (False, 0)


def test_a_row_without_permission_is_held(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S42: no row leaves without a permission that stands."""
    plant(
        f"insert into {AUDIENCE} values ('somebody else', 'x@y.example', 'X'), ('z', 'z@y.example', 'Z')",
        zone="personal",
    )
    held = report()
    assert counts(held) == {"2 rows have no permission for news": 2}
    with pytest.raises(ActivationHeld, match="aud_news__active is held: 2 rows have no permission for news"):
        held.raise_if_held()


def test_permission_for_another_purpose_is_none(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S42: consent is for exactly one purpose."""
    plant("update int_subjects__permitted set use_case = 'loan_offers'")
    assert counts(report()) == {"1 rows have no permission for news": 1}


def test_a_row_of_nobody_is_held(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S42: a row that names no subject can't have a permission."""
    plant(f"insert into {AUDIENCE} values (null, 'x@y.example', 'X')", zone="personal")
    assert counts(report()) == {"1 rows have no subject_id": 1}


def test_a_person_twice_is_held(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S42: an audience has one row per person."""
    plant(f"insert into {AUDIENCE} values ('{ADA}', 'x@y.example', 'X')", zone="personal")
    assert counts(report()) == {"1 rows repeat a subject_id": 1}


def test_a_missing_column_is_held(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S41: what policy sends must be there; a hash is made from the normalized address."""
    plant(f"alter table {AUDIENCE} drop column email_normalized", zone="personal")
    assert counts(report()) == {"columns are missing: email_normalized": 1}


def test_an_audience_without_subjects_is_held(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S42: without a subject nothing can be proved."""
    plant(f"alter table {AUDIENCE} drop column subject_id", zone="personal")
    assert counts(report()) == {"columns are missing: subject_id": 1}


def test_free_text_is_held(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S42: what somebody wrote about a person is never sent."""
    plant(f"alter table {AUDIENCE} add column notes varchar", zone="personal")
    assert counts(report()) == {"free text is among the columns: notes": 1}


def test_a_missing_mart_is_held(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S42: what is not there is not sent."""
    plant(f"drop table {AUDIENCE}", zone="personal")
    assert counts(report()) == {"there is no mart aud_news__active": 0}


def test_a_missing_door_is_held(report: Callable[[], AudienceGateReport], plant: Plant) -> None:
    """S42: without the door there is no permission to prove."""
    plant("drop table int_subjects__permitted")
    assert counts(report()) == {"there is no int_subjects__permitted to prove a permission with": 1}


def test_a_zone_that_does_not_open_is_held(
    report: Callable[[], AudienceGateReport], warehouse: DuckDBWarehouse
) -> None:
    """S42: a gate that cannot look holds."""
    warehouse.path("personal").unlink()
    assert counts(report()) == {"it could not be inspected (WarehouseLocked)": 1}
