"""The whole gate over microdata, and its self-test: planted leaks are caught, and a gate gone blind holds everything."""

from collections.abc import Callable
from typing import Any

import pytest

from support.held_marts import OF_PEOPLE
from trustmart.gates import checks, inspect_all
from trustmart.gates.attacks import ATTACKS
from trustmart.gates.self_test import PLANTS, self_test
from trustmart.gates.suites import Memory
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse

Plant = Callable[..., None]
DECADE = "cast(extract(year from birth_date) // 10 * 10 as varchar)"
LABELS = f"""case when birth_date is null then null else concat({DECADE}, '-', {DECADE}[:3], '9') end as birth_date,
 case when country in ('NO', 'DE') then 'north' else 'south' end as country"""
MICRODATA = f"""
create schema anonymized_door;
create table anonymized_door.people as select 's' || i as subject_id,
 date '1970-01-01' + cast(i * 17 % 7000 as integer) as birth_date, ['NO', 'DE', 'IT', 'FR'][1 + i % 4] as country from range(8000) as r(i);
create table anonymized_candidate.people as select {LABELS} from anonymized_door.people;
create table anonymized_door."people__members" as select md5(concat_ws('|', coalesce(birth_date, '∅'), coalesce(country, '∅'))) as class_id,
 subject_id from (select subject_id, {LABELS} from anonymized_door.people) as made;
create table releases_before (mart varchar, released_at timestamp, release_id varchar);
create table members_before (mart varchar, class_id varchar, subject_id varchar, since timestamp, until timestamp);
insert into suppression_by_mart values ('people', 5, 0, 8000, 0);
"""
RELEASE: dict[str, Any] = {name: said for name, said in OF_PEOPLE.items() if name != "sensitive"}


@pytest.fixture
def with_people(policy: Policy, plant: Plant) -> Policy:
    """Return a policy with a mart of microdata, which is there."""
    plant(MICRODATA)
    plain = policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    plain["releases"]["people"] = RELEASE
    plain["hierarchies"] = {
        "days": {"calendar": {"from": "1900-01-01", "to": "2030-12-31"}},
        "parts": {"tree": {"north": ["NO", "DE"], "south": ["IT", "FR"]}},
    }
    return Policy.model_validate(plain)


def test_microdata_that_withstands_every_attack_is_released(with_people: Policy, warehouse: DuckDBWarehouse) -> None:
    """(S12) Great Expectations asks for every attack, and its figures stand in the report."""
    (report,) = inspect_all(policy=with_people, warehouse=warehouse, marts=["people"])
    assert report.reasons == ()
    made = {attack["attack"]: attack["figures"] for attack in report.attacks if attack["skipped"] is None}
    assert set(made) == {"G0", "G2", "G3", "G6", "G7"}
    assert 0 < made["G2"]["best_reidentification"] < 0.01


def test_every_plant_is_caught_in_a_mart_of_its_kind(with_people: Policy, warehouse: DuckDBWarehouse) -> None:
    """(S12) The self-test shows the gate leaks; what has no place in a mart is skipped, and said so."""
    with warehouse.session(reads=["restricted"]) as session:
        done = self_test(session, with_people, ["people", "dim_segments"], Memory())
        assert session.rows("select count(*) from duckdb_schemas() where schema_name = 'gate_self_test'") == [(0,)]
    assert [one for one in done if not one.caught and one.skipped is None] == []
    assert {one.plant for one in done if one.mart == "people" and one.caught} >= {
        "fifty rows at full resolution",
        "a person's name",
        "a hash of an e-mail address",
        "an identifier under another name",
        "a single joiner since the last release",
        "a class of nothing but nulls",
        "a column that policy does not list",
    }
    assert len(done) == 2 * len(PLANTS) - 3


@pytest.mark.parametrize("blind", ["k_anonymity", "listed_columns", "no_direct_identifiers"])
def test_a_gate_gone_blind_holds_everything(
    blind: str, policy: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(S12) A plant that is not caught holds all marts, clean ones too."""
    monkeypatch.setitem(checks.CHECKS, blind, lambda *_, **__: [])  # type: ignore[arg-type]
    for report in inspect_all(policy=policy, warehouse=warehouse):
        assert report.held
        assert all("the gate's self-test failed" in reason for reason in report.reasons)


def test_an_attack_that_breaks_holds_and_tells_only_the_type(
    with_people: Policy, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(S12) An error inside an attack holds the mart and repeats no message."""

    def broken(reader: Any, **_: Any) -> Any:
        raise ValueError("could not convert ada.planted@example.org")

    monkeypatch.setitem(ATTACKS, "register_join", broken)  # type: ignore[arg-type]
    (report,) = inspect_all(policy=with_people, warehouse=warehouse, marts=["people"])
    assert len(report.findings) == 1
    assert "ExpectRegistersToNameNobody could not be measured (ValueError)" in report.reasons[0]
