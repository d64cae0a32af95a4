"""Attacks on cubes: each has a leak that it must hold and a clean twin that it must not."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from trustmart.gates.attacks import ATTACKS

CUBE = "restricted.anonymized_candidate.cube"
CALLS: dict[str, dict[str, Any]] = {
    "told_sizes": {"columns": ["band", "region"], "class_size": "people", "minimum_class_size": 11},
    "cube_inference": {"class_size": "people", "shares": ["share"], "amounts": {"amount": [["raw", "amount"]]}},
    "table_audit": {
        "columns": ["band", "region"],
        "class_size": "people",
        "minimum_class_size": 11,
        "margins": [["band"], []],
        "additive": True,
    },
    "margins_of_each_other": {
        "class_size": "people",
        "minimum_class_size": 11,
        "coarser": {"other": ["people", "band"]},
    },
}
LEAKS = {
    "told_sizes": (
        "say that they stand for enough",
        'delete from restricted.anonymized_door."cube__members" where rowid < 30',
    ),
    "cube_inference": ("nobody or everybody", f"update {CUBE} set share = 1.0 where band = 'a' and region = 'x'"),
    "cube_inference, a maximum": (
        "one person's own",
        f"update {CUBE} set amount = (select max(amount) - people from restricted.main.raw)",
    ),
    "table_audit": (
        "come back by subtraction",
        f"update {CUBE} set people = people + 3 where band = 'a' and region = '*'",
    ),
    "margins_of_each_other": (
        "in a coarser mart",
        "update restricted.anonymized_candidate.other set people = people + 5 where band = 'b'",
    ),
}


class Reader:
    """A cube of four cells with totals, its members, a coarser cube, and everybody's own amounts."""

    def __init__(self) -> None:
        """Make them agree."""
        self.connection = duckdb.connect()
        for statement in (
            "attach ':memory:' as restricted",
            "create schema restricted.anonymized_door",
            "create schema restricted.anonymized_candidate",
            f"create table {CUBE} as select band, region, people, 0.3 as share, 1000 * people as amount from (values"
            " ('a', 'x', 20), ('a', 'y', 21), ('b', 'x', 22), ('b', 'y', 23), ('a', '*', 41), ('b', '*', 45), ('*', '*', 86)"
            ") as cells(band, region, people)",
            "create table restricted.anonymized_candidate.other as select band, cast(people as integer) as people"
            f" from {CUBE} where region = '*' and band <> '*'",
            "create table restricted.anonymized_door.\"cube__members\" as select md5(concat_ws('|', band, region)) as class_id,"
            f" 's' || row_number() over () as subject_id from {CUBE} cross join range(30) as r(i) where i < people"
            " and band <> '*' and region <> '*'",
            "create table restricted.main.raw as select 7919 * i + 13 as amount from range(5000) as r(i)"
            f" union all select (select 7919 * 4999 + 13) - people from {CUBE}",
        ):
            self.connection.execute(statement)

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()


@pytest.fixture
def reader() -> Iterator[Reader]:
    """Return a clean cube."""
    made = Reader()
    yield made
    made.connection.close()


@pytest.mark.parametrize("name", CALLS)
def test_a_clean_cube_withstands_the_attack(name: str, reader: Reader) -> None:
    """(S12) A cube whose cells are large and whose totals add up is not held."""
    outcome = ATTACKS[name](reader, mart="cube", **CALLS[name])
    assert (outcome.findings, outcome.skipped) == ((), None)


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leaking_cube_is_held(leak: str, reader: Reader) -> None:
    """(S12) A cell of few, a certain share, a person's own figure, a recoverable cell: each is found."""
    saying, statement = LEAKS[leak]
    reader.connection.execute(statement)
    name = leak.partition(",")[0]
    found = ATTACKS[name](reader, mart="cube", **CALLS[name]).findings
    assert [saying in one.what for one in found] == [True], found
