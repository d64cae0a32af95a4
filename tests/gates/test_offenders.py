"""Which rows an attack found: without them the same attack finds nothing, and the coarser mart is no way around it."""

from collections.abc import Callable
from typing import Any

import pytest

from support.held_marts import CUBE, LEVELS, MICRODATA, OF_CUBE, OF_PEOPLE, TOTALS, Held, with_people
from trustmart.gates.copies import Copies
from trustmart.gates.looking import look
from trustmart.gates.offenders import offenders
from trustmart.gates.requirement import Requirement
from trustmart.gates.suites import Memory, requirements
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse

Plant = Callable[..., None]
REMEMBERED = """
insert into releases_before values ('people', timestamp '2026-01-01', 'first');
insert into members_before select 'people', class_id, subject_id, timestamp '2026-01-01', null
 from anonymized_door."people__members" where class_id <> (select min(class_id) from anonymized_door."people__members");
"""
A_CLASS = '(select min(class_id) from anonymized_door."people__members")'
# Three of the first class were there before; all others of it are new tonight.
FEW_STAYED = (
    REMEMBERED
    + f"""
insert into members_before select 'people', class_id, subject_id, timestamp '2026-01-01', null
 from anonymized_door."people__members" where class_id = {A_CLASS} order by subject_id limit 3;
"""
)
# Twelve of the first class were in another one; of nobody anything has come in.
RELABELLED = (
    REMEMBERED
    + f"""
insert into members_before select 'people', (select max(class_id) from anonymized_door."people__members"), subject_id,
 timestamp '2026-01-01', null from anonymized_door."people__members" where class_id = {A_CLASS} order by subject_id
 limit 12;
"""
)
STRANGERS = """
insert into anonymized_candidate.people select '1990-1999', 'south', 'low' from range(12);
"""
# A coarser mart, which shows what the finer one leaves out.
BY_AGE = """
create table anonymized_candidate.by_age as select {label} as age_band, count(*) as people
 from anonymized_door.people group by all;
delete from anonymized_candidate.people where age_band = '65+' and region = 'north';
update suppression_by_mart set people_suppressed = 200 where mart = 'people';
insert into suppression_by_mart select 'by_age', 3, 0, count(*), 0 from anonymized_door.people;
"""
HALVES = LEVELS + BY_AGE.format(label="case when age_band = '18-39' then 'younger' else 'older' end")


def with_by_age(policy: Policy, plant: Plant, statements: str, level: Any) -> Held:
    """Return the cube of people, and beside it one by age alone, at a level."""
    mart, changed = with_people(policy, plant, CUBE + statements, OF_CUBE, minimum_class_size=250)
    plain = changed.model_dump(mode="json", by_alias=True, exclude_unset=True)
    age = {"from": "birth_date", "hierarchy": "age_bands", "minimum_level": level}
    plain["releases"]["by_age"] = OF_CUBE | {
        "minimum_class_size": 250,
        "class_size": "people",
        "quasi_identifiers": {"age_band": age},
        "measures": {},
    }
    plain["releases"] = {name: plain["releases"][name] for name in (mart, "by_age")}
    return mart, Policy.model_validate(plain)


FOUND: dict[str, tuple[str, str, Callable[[Policy, Plant], Held]]] = {
    "G2 classes that fit nobody": (
        "people",
        "register_join",
        lambda policy, plant: with_people(policy, plant, MICRODATA + STRANGERS, OF_PEOPLE),
    ),
    "G5 the row that says too much": (
        "by_age",
        "margins_of_each_other",
        lambda p, q: with_by_age(p, q, BY_AGE.format(label="age_band"), 0),
    ),
    "G5 from a level higher": ("people", "margins_of_each_other", lambda p, q: with_by_age(p, q, HALVES, "half")),
    "G5 a row a level higher": ("by_age", "margins_of_each_other", lambda p, q: with_by_age(p, q, HALVES, "half")),
    "G7 a class few have stayed in": (
        "people",
        "intersection",
        lambda policy, plant: with_people(policy, plant, MICRODATA + FEW_STAYED, OF_PEOPLE),
    ),
    "G8 cells that come back": (
        "people",
        "table_audit",
        lambda p, q: with_people(p, q, CUBE + TOTALS, OF_CUBE, minimum_class_size=250, margins=[["region"]]),
    ),
    "G9 a class of relabelled people": (
        "people",
        "stability",
        lambda policy, plant: with_people(policy, plant, MICRODATA + RELABELLED, OF_PEOPLE),
    ),
}


def asked(policy: Policy, mart: str, check: str) -> Requirement:
    """Return what is asked of a mart by one attack."""
    found = [one for one in requirements(policy, mart, Memory(epochs={mart: "same"})) if one.check == check]
    return found[0]


@pytest.mark.parametrize("name", FOUND)
def test_without_the_rows_that_an_attack_found_it_finds_nothing(
    name: str, policy: Policy, plant: Plant, warehouse: DuckDBWarehouse
) -> None:
    """(S12, S18) The attack holds the mart; of a copy without the rows it found, most of the people are left, unfound."""
    mart, check, make = FOUND[name]
    _, changed = make(policy, plant)
    release, requirement = changed.releases[mart], asked(changed, mart, check)
    columns = list(release.quasi_identifiers)
    with warehouse.session(writes="restricted") as session:
        copies = Copies(session, mart)
        copies.afresh()
        assert look(check, copies, requirement.arguments).findings
        condition = offenders(copies, requirement, columns, mart)
        assert condition
        copies.suppress(condition, columns, release.class_size)
        assert session.value(f"select count(*) from {copies.table}") > 0
        assert not [
            one.what
            for one in look(check, copies, requirement.arguments).findings
            if "taken together" not in one.what and "to within" not in one.what
        ]
        assert offenders(copies, requirement, columns, mart) is None or not session.value(
            f"select count(*) from {copies.table} where {condition}"
        )


def test_a_level_that_is_none_is_no_margin(policy: Policy, plant: Plant, warehouse: DuckDBWarehouse) -> None:
    """(S18) Where a label has two labels of a level, the cubes are not subtracted, and the door refuses the level."""
    _, changed = with_by_age(policy, plant, HALVES, "half")
    plant("insert into age_bands values (66, null, '65+', 'younger')")
    requirement = asked(changed, "people", "margins_of_each_other")
    with warehouse.session(reads=["restricted"]) as session:
        assert look("margins_of_each_other", session, requirement.arguments).findings == ()
