"""Marts that are held, what would release them, and the release made in earnest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from trustmart.anonymity.moves import Move
from trustmart.gates.suites import Memory
from trustmart.pipeline.ground import Ground, ground_of
from trustmart.pipeline.moves import Sought, seek
from trustmart.pipeline.trying import as_it_stands, attempt, policy_with
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse, Session

Plant = Callable[..., None]
MART = "dim_segments"
ZONE = "restricted.anonymized_candidate"
DECADE = "cast(extract(year from birth_date) // 10 * 10 as varchar)"
LABELS = f"concat({DECADE}, '-', {DECADE}[:3], '9') as birth_date, case when country in ('NO', 'DE') then 'north' else 'south' end as country"
RECORDS = """
create schema anonymized_door;
create table releases_before (mart varchar, released_at timestamp, release_id varchar);
create table members_before (mart varchar, class_id varchar, subject_id varchar, since timestamp, until timestamp);
create table anonymized_door.people as select 's' || i as subject_id,
 date '1970-01-01' + cast(i * 17 % 7000 as integer) as birth_date, ['NO', 'DE', 'IT', 'FR'][1 + i % 4] as country,
 case when i * 17 % 7000 > 3652 and i % 4 < 2 and {is_skewed} then 'high' else ['low', 'middle', 'high'][1 + i % 3] end as balance_band,
 case when i % 40 = 0 then '65+' when i % 3 = 0 then '40-64' else '18-39' end as age_band,
 case when i % 4 < 2 then 'north' else 'south' end as region, cast(i % 97 * 11 as decimal(18, 2)) as balance_eur
 from range({people}) as r(i);
"""
MICRODATA = f"""
create table anonymized_candidate.people as select {LABELS}, balance_band from anonymized_door.people;
create table anonymized_door."people__members" as select md5(concat_ws('|', birth_date, country)) as class_id, subject_id
 from (select subject_id, {LABELS} from anonymized_door.people) as made;
insert into suppression_by_mart select 'people', 4, 0, count(*), 0 from anonymized_door.people;
"""
CUBE = """
create table anonymized_candidate.people as select age_band, region, count(*) as customers,
 cast(round(avg(balance_eur) / 50) * 50 as bigint) as average_balance_eur from anonymized_door.people group by all;
create table anonymized_door."people__members" as select md5(concat_ws('|', age_band, region)) as class_id, subject_id
 from anonymized_door.people;
insert into suppression_by_mart select 'people', 6, 0, count(*), 0 from anonymized_door.people;
"""
# Both cells of the oldest are left out, and each comes back from its region's total.
TOTALS = """
delete from anonymized_candidate.people where age_band = '65+';
insert into anonymized_candidate.people select '*', region, count(*), cast(round(avg(balance_eur) / 50) * 50 as bigint)
 from anonymized_door.people group by all;
update suppression_by_mart set people_suppressed = 200 where mart = 'people';
"""
LEVELS = """
alter table age_bands add column half varchar;
update age_bands set half = case when age_band = '18-39' then 'younger' else 'older' end;
"""
OF_PEOPLE: dict[str, Any] = {
    "title": "People",
    "use_case": "report",
    "tier": "analyst_microdata",
    "minimum_class_size": 11,
    "maximum_suppressed": 0.1,
    "quasi_identifiers": {
        "birth_date": {"from": "birth_date", "hierarchy": "days", "minimum_level": "year", "fallback": "unknown"},
        "country": {"from": "country", "hierarchy": "parts", "fallback": "elsewhere"},
    },
    "sensitive": {"balance_band": {"from": "balance_eur", "distinct": 2, "t": 0.2}},
}
OF_CUBE: dict[str, Any] = {
    "title": "People",
    "use_case": "report",
    "tier": "open_cube",
    "minimum_class_size": 11,
    "maximum_suppressed": 0.1,
    "class_size": "customers",
    "quasi_identifiers": {
        "age_band": {"from": "birth_date", "hierarchy": "age_bands"},
        "region": {"from": "country", "hierarchy": "regions"},
    },
    "measures": {"average_balance_eur": {"from": "balance_eur", "how": "mean", "round_to": 50}},
}
Held = tuple[str, Policy]


def hand_made(policy: Policy, plant: Plant, *statements: str) -> Held:
    """Return a mart that its own SQL makes, with a leak."""
    plant(*statements)
    return MART, policy


def with_levels(plant: Plant) -> Plant:
    """Let the hierarchy of ages have a further level."""
    plant(LEVELS)
    return plant


def with_people(policy: Policy, plant: Plant, candidate: str, release: dict[str, Any], **changed: Any) -> Held:
    """Return a mart that the door can make of 8,000 people."""
    records = {"is_skewed": "false", "people": 8000} | {k: changed.pop(k) for k in ("is_skewed",) if k in changed}
    plant(RECORDS.format(**records), candidate)
    plain = policy.model_dump(mode="json", by_alias=True, exclude_unset=True)
    plain["releases"]["people"] = release | changed
    plain["hierarchies"] = {
        "days": {"calendar": {"from": "1960-01-01", "to": "1999-12-31"}},
        "parts": {"tree": {"north": ["NO", "DE"], "south": ["IT", "FR"]}},
    }
    return "people", Policy.model_validate(plain)


HOLDS: dict[str, Callable[[Policy, Plant], Held]] = {
    "a class of one in a hand-made mart": lambda policy, plant: hand_made(
        policy, plant, f"insert into {ZONE}.{MART} values ('65+', 'north', 1, 5.0)"
    ),
    "a label that no hierarchy has": lambda policy, plant: hand_made(
        policy,
        plant,
        f"update {ZONE}.{MART} set customers = customers * 10",
        f"insert into {ZONE}.{MART} values ('65+', 'nowhere', 12, 5.0)",
        f"update suppression_by_mart set people_total = 1012, people_suppressed = 40 where mart = '{MART}'",
    ),
    "a column that policy does not list": lambda policy, plant: hand_made(
        policy, plant, f"alter table {ZONE}.{MART} add column one_too_many integer default 1"
    ),
    "figures that are one person's own": lambda policy, plant: hand_made(
        policy,
        plant,
        f"update {ZONE}.{MART} set average_balance_eur = case when customers < 26 then 10.5 else 20.5 end",
    ),
    "microdata with classes too small for policy": lambda policy, plant: with_people(
        policy, plant, MICRODATA, OF_PEOPLE, minimum_class_size=1900, sensitive={}
    ),
    "microdata with a class that tells too much": lambda policy, plant: with_people(
        policy, plant, MICRODATA, OF_PEOPLE, is_skewed="true"
    ),
    "a cube with cells too small for policy": lambda policy, plant: with_people(
        policy, plant, CUBE, OF_CUBE, minimum_class_size=150
    ),
    "a cube with cells that are large enough a level higher": lambda policy, plant: with_people(
        policy, with_levels(plant), CUBE, OF_CUBE, minimum_class_size=250, maximum_suppressed=0.01
    ),
    "a cube whose totals give cells away": lambda policy, plant: with_people(
        policy, plant, CUBE + TOTALS, OF_CUBE, minimum_class_size=250, margins=[["region"]]
    ),
    "a cube that would leave too many out": lambda policy, plant: with_people(
        policy, plant, CUBE, OF_CUBE, minimum_class_size=1400
    ),
}


@contextmanager
def looking(warehouse: DuckDBWarehouse, held: Held) -> Iterator[tuple[Session, Ground, Move]]:
    """Yield a session, the held mart, and the candidate as it stands."""
    mart, policy = held
    with warehouse.session(writes="restricted") as session:
        ground = ground_of(session, policy, mart, Memory())
        yield session, ground, as_it_stands(ground)


def sought(warehouse: DuckDBWarehouse, held: Held, **how: Any) -> Sought:
    """Return what would release the mart."""
    mart, policy = held
    with warehouse.session(reads=["restricted"]) as session:
        return seek(session, policy, mart, Memory(), **{"seconds": 60.0, **how})


def apply(warehouse: DuckDBWarehouse, held: Held, move: Move) -> Policy:
    """Make a move in earnest: on the candidate, its members and its count of suppressed people. Return the policy."""
    mart, policy = held
    with looking(warehouse, held) as (session, ground, before):
        assert attempt(ground, move.changes, before) == move
        session.run(f"create or replace table {ZONE}.{mart} as from {ground.copies.table}")
        if session.columns("restricted", f"{mart}__members", schema="anonymized_door"):
            session.run(
                f'create or replace table restricted.anonymized_door."{mart}__members" as from {ground.copies.members}'
            )
        session.run(
            "update restricted.suppression_by_mart set people_total = copy.people_total,"
            f" people_suppressed = copy.people_suppressed from {ground.copies.suppression} as copy"
            " where suppression_by_mart.mart = copy.mart"
        )
    return policy_with(policy, mart, move.changes)
