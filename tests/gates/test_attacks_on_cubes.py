"""Attacks on cubes: each has a leak that it must hold and a clean twin that it must not."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.memory_zone import MemoryZone
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


class Reader(MemoryZone):
    """A cube of four cells with totals, its members, a coarser cube, and everybody's own amounts."""

    def __init__(self) -> None:
        """Make them agree."""
        super().__init__(
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
        )


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


@pytest.mark.parametrize(
    ("named", "twice", "nameless", "before", "cells"),
    [
        (11, 0, 0, 0, 0),
        (10, 0, 0, 0, 1),
        (10, 5, 0, 0, 1),
        (9, 0, 1, 0, 1),
        (10, 0, 1, 0, 0),
        (4, 0, 0, 11, 0),
        (4, 0, 0, 10, 1),
    ],
)
def test_people_of_a_cell_are_counted_once_and_the_nameless_too(
    reader: Reader, named: int, twice: int, nameless: int, before: int, cells: int
) -> None:
    """(S12) Whoever stands twice is one person, whoever was forgotten is one more, and the larger of two nights counts."""
    members = 'restricted.anonymized_door."cube__members"'
    cell = "md5('a|x')"
    for statement in (
        f"delete from {members} where class_id = {cell}",
        f"insert into {members} select {cell}, 's' || i from range({named}) as r(i)",
        f"insert into {members} select {cell}, 's' || i from range({twice}) as r(i)",
        f"insert into {members} select {cell}, null from range({nameless}) as r(i)",
        f"create table restricted.main.members_before as select 'cube' as mart, {cell} as class_id, 'b' || i as subject_id,"
        f" timestamp '2026-01-01' as since, cast(null as timestamp) as until from range({before}) as r(i)",
    ):
        reader.connection.execute(statement)
    outcome = ATTACKS["told_sizes"](reader, mart="cube", **CALLS["told_sizes"])
    assert outcome.figures == {"cells": 4, "cells_of_too_few": cells}


def chain(reader: Reader, *, safe: bool) -> Any:
    """Attack a table of 3 x 3 with totals where one suppressed cell gives away the next."""
    cells = {("a", "x"): 3, ("a", "y"): 40, ("b", "x"): 30, ("b", "y"): 25, ("c", "x"): 20, ("c", "y"): 20}
    withheld = {("a", "x"), ("a", "y"), ("b", "x")} | ({("b", "y")} if safe else set())
    shown = [(*labels, people) for labels, people in cells.items() if labels not in withheld]
    shown += [(band, "*", sum(n for (b, _), n in cells.items() if b == band)) for band in "abc"]
    shown += [("*", region, sum(n for (_, r), n in cells.items() if r == region)) for region in "xy"]
    values = ", ".join(map(str, shown))
    records = ", ".join(f"('{band}', '{region}', {people})" for (band, region), people in cells.items())
    for statement in (
        f"create table restricted.anonymized_candidate.chain as select * from (values {values}) as t(band, region, people)",
        "create table restricted.anonymized_door.chain as select band, region, 's' || band || region || i as subject_id"
        f" from (values {records}) as t(band, region, people), range(50) as r(i) where i < people",
    ):
        reader.connection.execute(statement)
    asked = {**CALLS["table_audit"], "margins": [["band"], ["region"]]}
    return ATTACKS["table_audit"](reader, mart="chain", **asked)


def test_cells_that_come_back_one_after_the_other_are_found(reader: Reader) -> None:
    """(S13) No single subtraction leaves few people, but the column gives back one cell, and then the row the other."""
    outcome = chain(reader, safe=False)
    assert [one.what for one in outcome.findings] == ["1 suppressed cells come back when all totals are taken together"]
    assert outcome.figures["groups_recovered"] == 0


def test_cells_that_hide_each_other_stay_hidden(reader: Reader) -> None:
    """(S13) With a fourth cell left out every line has two, and the smallest could be anything from 0 to 43."""
    outcome = chain(reader, safe=True)
    assert (outcome.findings, outcome.figures["withheld"], outcome.figures["narrow"]) == ((), 4, 0)
