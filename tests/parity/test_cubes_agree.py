"""The cells of an open cube in plain Python and in the SQL that makes them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from support.cubes import COLUMNS, MARGINS, RECORDS, CubeWarehouse, Record, release_of
from trustmart.anonymity.cubes import ROLLED, Cube, Labels, count_cells, withhold
from trustmart.errors import TableUnfit


@pytest.fixture(scope="module")
def warehouse() -> Iterator[CubeWarehouse]:
    """Return one warehouse for all examples."""
    made = CubeWarehouse()
    yield made
    made.connection.close()


@settings(deadline=None, max_examples=60)
@given(records=RECORDS, margins=MARGINS, k=st.integers(2, 5), percent=st.one_of(st.none(), st.integers(1, 60)))
def test_python_and_sql_publish_the_same_cells(
    warehouse: CubeWarehouse, records: list[Record], margins: set[tuple[str, ...]], k: int, percent: int | None
) -> None:
    """S12: same cells, people, records and sums, same people in them, nulls included."""
    release = release_of(k=k, margins=sorted(margins), dominance_percent=percent)
    warehouse.load(records)
    made = warehouse.make(release)
    cells = count_cells(records, COLUMNS, margins=margins, amounts=["amount"])
    published = expected(cells, k, percent)
    rows = {row[:3]: row[3:] for row in warehouse.candidate()}
    assert len(rows) == made.rows
    assert rows.keys() == published
    for labels in published:
        figures = cells[labels]
        people, count, total, average, share = rows[labels]
        assert (people, count) == (len(figures.people), figures.records)
        assert total == (figures.total("amount") if "amount" in figures.amounts else None)
        known = len(figures.amounts.get("amount", {}))
        assert average is None if not known else abs(float(average) - figures.total("amount") / known) <= 0.25
        flagged = {one["subject_id"] for one in records if one["flag"] and one["subject_id"] in figures.people}
        assert 0.04 < share < 0.96
        assert not flagged or share > 0
    assert len(warehouse.members()) == sum(len(cells[labels].people) for labels in published)
    finest = [labels for labels in cells if ROLLED not in labels]
    assert made.classes_total == len(finest)
    assert made.people_total == sum(len(cells[labels].people) for labels in finest)
    assert made.people_suppressed == sum(len(cells[labels].people) for labels in finest if labels not in published)


def expected(cells: dict[Labels, Any], k: int, percent: int | None) -> set[Labels]:
    """Return what the plain rules publish."""
    order = list(cells)
    finest = [labels for labels in cells if ROLLED not in labels]
    everybody = set().union(*(cells[labels].people for labels in finest))
    cube = Cube(
        labels=order,
        people=np.array([len(cells[labels].people) for labels in order]),
        records=np.array([cells[labels].records for labels in order]),
        slack=np.array([[cells[labels].slack("amount", percent or 0)] for labels in order], dtype=float),
        one_cell_each=sum(len(cells[labels].people) for labels in finest) == len(everybody),
    )
    return {labels for labels, reason in zip(order, withhold(cube, k=k), strict=True) if reason is None}


AS_SHIPPED = """
    select region, band, "group", count(distinct subject_id), count(*),
        cast(round(sum(amount) / 100) * 100 as bigint),
        cast(round(sum(coalesce(amount, 0)) / count(distinct subject_id) / 5) * 5 as bigint),
        cast(least(0.95, greatest(0.05, round(cast(count(distinct case when flag then subject_id end) as double)
            / count(distinct subject_id) * 20) / 20)) as decimal(4, 2))
    from restricted.anonymized_door.mart group by region, band, "group" having count(distinct subject_id) >= ?
"""
AS_SEGMENTS = """
    select region, band, "group", count(*), count(*), cast(round(avg(amount) / 50) * 50 as bigint),
        cast(least(0.95, greatest(0.05, round(cast(count(case when flag then 1 end) as double)
            / count(*) * 20) / 20)) as decimal(4, 2))
    from restricted.anonymized_door.mart group by region, band, "group" having count(*) >= ?
"""


@settings(deadline=None, max_examples=60)
@given(records=RECORDS, k=st.integers(2, 5))
def test_events_have_the_figures_that_marts_wrote_themselves(
    warehouse: CubeWarehouse, records: list[Record], k: int
) -> None:
    """S14: transactions and campaign outcomes: bookings, rounded sums, value and share per person."""
    warehouse.load([{**record, "amount": record["amount"] or 0} for record in records])
    measures = {
        "records": {"from": "amount", "how": "records"},
        "total": {"from": "amount", "how": "sum", "round_to": 100},
        "value": {"from": "amount", "how": "mean", "round_to": 5},
        "rate": {"from": "flag", "how": "share"},
    }
    warehouse.make(release_of(k=k, measures=measures))
    assert sorted(map(str, warehouse.candidate())) == sorted(map(str, warehouse.session.rows(AS_SHIPPED, [k])))


@settings(deadline=None, max_examples=60)
@given(records=RECORDS, k=st.integers(2, 5))
def test_people_have_the_figures_that_marts_wrote_themselves(
    warehouse: CubeWarehouse, records: list[Record], k: int
) -> None:
    """S14: customer segments: average balance of those who have one, share of all."""
    warehouse.load([{**record, "subject_id": str(number)} for number, record in enumerate(records)])
    measures = {
        "records": {"from": "amount", "how": "people"},
        "balance": {"from": "amount", "how": "mean", "round_to": 50},
        "loans": {"from": "flag", "how": "share"},
    }
    warehouse.make(release_of(k=k, measures=measures))
    assert sorted(map(str, warehouse.candidate())) == sorted(map(str, warehouse.session.rows(AS_SEGMENTS, [k])))


def test_a_label_that_says_all_is_refused(warehouse: CubeWarehouse) -> None:
    """S12: a region called `*` could not be told from the total."""
    row = {"subject_id": "1", "region": "*", "band": "a", "group": "a", "amount": 1, "flag": True}
    warehouse.load([row])
    with pytest.raises(TableUnfit, match="region"):
        warehouse.make(release_of(k=2, margins=[("band",)]))


def test_records_of_nobody_are_refused(warehouse: CubeWarehouse) -> None:
    """S12: a record without a person would be in sums, and in no count of people."""
    row = {"subject_id": None, "region": "a", "band": "a", "group": "a", "amount": 1, "flag": True}
    warehouse.load([row])
    with pytest.raises(TableUnfit, match="1 records have no subject_id"):
        warehouse.make(release_of(k=2))


def test_labels_that_read_the_same_are_refused(warehouse: CubeWarehouse) -> None:
    """S12: `a|b` beside `c` and `a` beside `b|c` would be one class in the history."""
    row = {"subject_id": "1", "region": "a|b", "band": "c", "group": "d", "amount": 1, "flag": True}
    warehouse.load([row, {**row, "region": "a", "band": "b|c"}])
    with pytest.raises(TableUnfit, match="read the same"):
        warehouse.make(release_of(k=2))


def test_margins_and_holding_back_are_refused_together() -> None:
    """S12: a fresh margin less its fresh parts would show who joined a class that is held back."""
    with pytest.raises(ValidationError, match="hold_back and margins"):
        release_of(k=2, margins=[()], hold_back=True)


def test_no_records_make_an_empty_cube(warehouse: CubeWarehouse) -> None:
    """S12: nobody is in no cell; with margins, too."""
    warehouse.load([])
    made = warehouse.make(release_of(k=2, margins=[(), ("band",)], dominance_percent=10))
    assert (made.rows, made.people_total, made.people_suppressed) == (0, 0, 0)
