"""Every attack has a leak that it must hold and a clean twin that it must not; counts come out, never a value."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from trustmart.gates.attacks import ATTACKS, Attacked

DOOR, CANDIDATE = "restricted.anonymized_door", "restricted.anonymized_candidate"
YEARS = {
    "rule": {"calendar": {"from": "1900-01-01", "to": "2030-12-31"}},
    "fallback": "unknown",
}
PARTS = {"rule": {"tree": {"north": ["NO", "SE"], "south": ["IT", "ES"]}}, "fallback": "elsewhere"}


class Warehouse:
    """A restricted zone in memory, with a microdata mart of 400 people, its records, members and history."""

    def __init__(self) -> None:
        """Make 400 people: 2 decades of birth, 2 parts of Europe, a loan that depends on nothing."""
        self.connection = duckdb.connect()
        self.run(
            "attach ':memory:' as restricted",
            "create schema restricted.anonymized_door",
            "create schema restricted.anonymized_candidate",
            f"create table {DOOR}.people as select 's' || i as subject_id,"
            " date '1970-01-01' + cast(i % 7000 * 17 % 7000 as integer) as born,"
            " ['NO', 'SE', 'IT', 'ES'][1 + i % 4] as country, i % 10 < 3 as loan from range(8000) as r(i)",
            f"create table {CANDIDATE}.people as select {LABELS} from {DOOR}.people",
            f"""create table {DOOR}."people__members" as select {CLASS} as class_id, subject_id from
             (select subject_id, {LABELS} from {DOOR}.people) as made""",
            "create table restricted.main.releases_before (mart varchar, released_at timestamp, release_id varchar)",
            "create table restricted.main.members_before"
            " (mart varchar, class_id varchar, subject_id varchar, since timestamp, until timestamp)",
            "create table restricted.main.raw_crm__customers as select subject_id, upper(subject_id) || '@EXAMPLE.ORG'"
            " as email, 'Ada' || subject_id as given_name, 'Lo' || subject_id as surname, born,"
            f" timestamp '2026-01-01' as _ingested_as_of from {DOOR}.people",
        )

    def run(self, *statements: str) -> None:
        """Execute statements."""
        for statement in statements:
            self.connection.execute(statement)

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()

    def release(self, at: str) -> None:
        """Remember that everybody of tonight was released at an instant."""
        self.run(
            f"insert into restricted.main.releases_before values ('people', timestamp '{at}', 'r')",
            "insert into restricted.main.members_before select 'people', class_id, subject_id,"
            f""" timestamp '{at}', null from {DOOR}."people__members" """,
        )


LABELS = (
    "concat(cast(extract(year from born) // 10 * 10 as varchar), '-', cast(extract(year from born) // 10 * 10 + 9"
    " as varchar)) as born, case when country in ('NO', 'SE') then 'north' else 'south' end as country, loan"
)
CLASS = "md5(concat_ws('|', coalesce(cast(born as varchar), '∅'), coalesce(cast(country as varchar), '∅')))"
QUASI = ["born", "country"]
CALLS: dict[str, dict[str, Any]] = {
    "declared_labels": {
        "column": "born",
        "hierarchy": "days",
        "minimum_level": "year",
        "one_level": True,
        **YEARS,
    },
    "register_join": {"columns": {"born": YEARS, "country": PARTS}, "minimum_class_size": 11},
    "singling_out": {"quasi_identifiers": QUASI, "others": ["loan"], "minimum_class_size": 11},
    "inference": {"columns": QUASI, "sensitive": "loan", "models": {"distinct": 2, "t": 0.2}, "suppressed_share": 0.0},
    "rehashed": {"known_in": [["raw_crm__customers", "email"]], "hierarchies": {}, "salts": ["pepper"]},
    "names_in_text": {"known_in": [["raw_crm__customers", "given_name", "surname"]], "hierarchies": {}},
    "whole_history": {"columns": QUASI, "class_size": None, "releases_known": 1},
    "differencing": {"minimum_class_size": 11},
    "intersection": {"minimum_class_size": 11},
    "stability": {"changed_in": ["raw_crm__customers"], "tree": False, "epoch": "e1"},
}
MEMBERS = f'{DOOR}."people__members"'
PEOPLE = f"{CANDIDATE}.people"
HISTORY = "restricted.main.members_before"
ONE = f"(select min(subject_id) from {DOOR}.people)"
LEAKS: dict[str, tuple[str, int, list[str]]] = {
    "declared_labels, a day of birth": (
        "finer than the level",
        1,
        [f"update {PEOPLE} set born = '1985-03-07' where rowid < 50"],
    ),
    "declared_labels, a word of its own": ("stand nowhere", 1, [f"update {PEOPLE} set born = 'old' where rowid < 50"]),
    "declared_labels, two levels": ("of several levels", 1, [f"update {PEOPLE} set born = '1985' where rowid < 50"]),
    "register_join, full resolution": (
        "with a register names a person",
        1,
        [
            f"update {PEOPLE} set born = cast(r.born as varchar), country = r.country from {DOOR}.people as r"
            f" where r.rowid = people.rowid and r.rowid < 50"
        ],
    ),
    "register_join, rows of nobody": (
        "fit nobody",
        1,
        [f"insert into {PEOPLE} select '1930-1939', 'north', true from range(20)"],
    ),
    "singling_out, a few rows apart": (
        "shared by fewer than 11",
        3,
        [f"insert into {PEOPLE} select null, 'north', null from range(3)"],
    ),
    "inference, a class that is sure": (
        "probability of 90%",
        1870,
        [f"update {PEOPLE} set loan = true where born = '1980-1989' and country = 'north'"],
    ),
    "rehashed, salted": (
        "known identifiers",
        8000,
        [
            f"alter table {PEOPLE} add column x varchar",
            f"update {PEOPLE} set x = r.x from (select rowid as i, sha256('pepper' || lower(email)) as x from restricted.main.raw_crm__customers) as r where r.i = people.rowid",
        ],
    ),
    "rehashed, base64": (
        "known identifiers",
        1,
        [
            f"alter table {PEOPLE} add column x varchar",
            f"update {PEOPLE} set x = (select min(to_base64(encode(email))) from restricted.main.raw_crm__customers)",
        ],
    ),
    "names_in_text, a note": (
        "name somebody",
        1,
        [
            f"alter table {PEOPLE} add column x varchar",
            f"update {PEOPLE} set x = (select 'call ' || min(given_name || ' ' || surname) || ' back' from restricted.main.raw_crm__customers)",
        ],
    ),
    "names_in_text, a list": (
        "people's names",
        8000,
        [
            f"alter table {PEOPLE} add column x varchar",
            f"update {PEOPLE} set x = r.x from (select rowid as i, surname as x from restricted.main.raw_crm__customers) as r where r.i = people.rowid",
        ],
    ),
    "whole_history, a lost release": (
        "missing from the history",
        1,
        [
            "delete from restricted.main.releases_before",
            f"delete from {HISTORY}",
            "insert into restricted.main.releases_before values ('people', timestamp '2026-02-01', 'r')",
        ],
    ),
    "whole_history, damaged rows": ("are damaged", 5, [f"update {HISTORY} set class_id = null where rowid < 5"]),
    "whole_history, members that do not fit": (
        "do not have the members",
        1,
        [f"delete from {MEMBERS} where subject_id = {ONE}"],
    ),
    "differencing, a single joiner": (
        "changed by fewer than 11",
        1,
        [f"delete from {HISTORY} where subject_id = {ONE}"],
    ),
    "differencing, a nameless leaver": (
        "changed by fewer than 11",
        1,
        [
            f"insert into {HISTORY} select 'people', min(class_id), null, timestamp '2026-02-01', timestamp '2026-02-02' from {MEMBERS}"
        ],
    ),
    "intersection, ten who stayed": (
        "people are among fewer than 11",
        10,
        [
            "insert into restricted.main.releases_before values ('people', timestamp '2026-01-02', 'q')",
            f"update {HISTORY} set since = timestamp '2026-01-02' where subject_id in (select subject_id from {MEMBERS} where class_id = (select min(class_id) from {MEMBERS}) order by subject_id limit 10)",
        ],
    ),
    "stability, an untouched person moves": (
        "have another class",
        1,
        [
            f"update {MEMBERS} set class_id = (select max(class_id) from {MEMBERS} where class_id <> (select class_id from {MEMBERS} where subject_id = {ONE})) where subject_id = {ONE}"
        ],
    ),
}


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    """Return a clean mart that was released once."""
    made = Warehouse()
    made.release("2026-02-01")
    yield made
    made.connection.close()


def attack(warehouse: Warehouse, name: str) -> Attacked:
    """Make one attack on the mart of people."""
    return ATTACKS[name](warehouse, mart="people", **CALLS[name])


@pytest.mark.parametrize("name", CALLS)
def test_a_clean_mart_withstands_the_attack(name: str, warehouse: Warehouse) -> None:
    """(S12) An attack on a mart in which nobody stands out brings back figures and no finding."""
    outcome = attack(warehouse, name)
    assert (outcome.findings, outcome.skipped) == ((), None)
    assert outcome.figures


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_held(leak: str, warehouse: Warehouse) -> None:
    """(S12) An attack finds the leak that it is for, and counts it."""
    saying, count, statements = LEAKS[leak]
    warehouse.run(*statements)
    found = attack(warehouse, leak.partition(",")[0]).findings
    assert [one.count for one in found if saying in one.what] == [count], found


def test_a_history_that_is_missing_is_held(warehouse: Warehouse) -> None:
    """(S12) Without memory of earlier releases nothing can be said of differences: held, with the next command."""
    warehouse.run("drop table restricted.main.members_before")
    (finding,) = attack(warehouse, "whole_history").findings
    assert "trustmart transform" in finding.next_step
    assert attack(warehouse, "differencing").skipped


def test_labels_of_the_laboratory_are_of_mixed_levels_but_none_below_the_minimum(warehouse: Warehouse) -> None:
    """(S12) A year beside decades is what a tree tells; a planted month of birth is finer than policy allows."""
    mixed = {**CALLS["declared_labels"], "one_level": False}
    warehouse.run(f"update {PEOPLE} set born = '1985' where rowid < 50")
    assert ATTACKS["declared_labels"](warehouse, mart="people", **mixed).findings == ()
    warehouse.run(f"update {PEOPLE} set born = '1985-03' where rowid < 20")
    (finding,) = ATTACKS["declared_labels"](warehouse, mart="people", **mixed).findings
    assert "finer than the level" in finding.what


def test_one_in_a_hundred_may_be_relabelled_by_a_frozen_tree(warehouse: Warehouse) -> None:
    """(S13) Sixty of 8,000 untouched people with other labels are a repair; a hundred are another tree."""
    tree = {**CALLS["stability"], "tree": True}
    other = f"(select max(class_id) from {MEMBERS})"
    for people, held in ((60, False), (100, True)):
        warehouse.run(
            f"update {MEMBERS} set class_id = {other} where subject_id in (select subject_id from {MEMBERS}"
            f" where class_id <> {other} order by subject_id limit {people})"
        )
        assert bool(ATTACKS["stability"](warehouse, mart="people", **tree).findings) == held


def test_somebody_who_moved_is_not_relabelled_while_the_class_they_left_is_held_back(warehouse: Warehouse) -> None:
    """(S13) Who is shown in two classes, the old one as it was and the new one, has kept the one they were in."""
    other = f"(select max(class_id) from {MEMBERS} where class_id <> m.class_id)"
    warehouse.run(f"insert into {MEMBERS} select {other}, subject_id from {MEMBERS} as m where subject_id = {ONE}")
    assert attack(warehouse, "stability").findings == ()


def test_somebody_who_changed_while_their_class_was_held_back_is_not_relabelled(warehouse: Warehouse) -> None:
    """(S13) A change that came in two releases ago shows tonight, as the class waited: no recoding did that."""
    other = f"(select max(class_id) from {MEMBERS} where class_id <> m.class_id)"
    warehouse.run(
        "insert into restricted.main.releases_before values ('people', timestamp '2026-02-03', 'r')",
        f"update {MEMBERS} as m set class_id = {other} where subject_id = {ONE}",
    )
    (finding,) = attack(warehouse, "stability").findings
    assert finding.count == 1
    warehouse.run(
        f"update restricted.main.raw_crm__customers set _ingested_as_of = '2026-02-02' where subject_id = {ONE}"
    )
    assert attack(warehouse, "stability").findings == ()
