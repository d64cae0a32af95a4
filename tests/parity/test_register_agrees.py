"""Two implementations agree: the register join in SQL, and the same join written out person by person."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.memory_zone import MemoryZone
from trustmart.gates.attacks import ATTACKS

FIRST, LAST = date(1950, 1, 1), date(1989, 12, 31)
TREE = {"north": ["NO", "SE"], "south": ["IT", "ES"]}
COLUMNS: dict[str, dict[str, Any]] = {
    "born": {"rule": {"calendar": {"from": FIRST.isoformat(), "to": LAST.isoformat()}}, "fallback": "unknown"},
    "country": {"rule": {"tree": TREE}, "fallback": "elsewhere"},
    "balance": {"rule": {"ranges": {"from": 0, "to": 1000, "widths": [50, 100, 500]}}, "fallback": None},
}
# Few values, close to each other and on both sides of every bound, so that people are alike on some level.
DAYS = (-1, 0, 1, 31, 95, 364, 365, 1825, 1826, 3652, 3653, 14_609, 14_610)
BORN = st.none() | st.sampled_from([FIRST + timedelta(days=days) for days in DAYS])
COUNTRY = st.sampled_from([None, "NO", "SE", "IT", "US"])
BALANCE = st.none() | st.sampled_from([-1, 0, 49, 50, 99, 100, 999, 1000])


@st.composite
def crowds(draw: st.DrawFn) -> list[tuple[date | None, str | None, int | None]]:
    """Return people of whom many are alike in all but one column."""
    days, countries, balances = (draw(st.lists(one, min_size=1, max_size=3)) for one in (BORN, COUNTRY, BALANCE))
    return draw(st.lists(st.tuples(*map(st.sampled_from, (days, countries, balances))), min_size=1, max_size=20))


PEOPLE = crowds()
# How finely each column is published: to some people on another level than to the others, as a tree does.
LEVELS = st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 3))


def born_labels(day: date | None) -> list[str]:
    """Return a day's labels, finest first."""
    if day is None:
        return ["∅"] * 6 + ["*"]
    if not FIRST <= day <= LAST:
        return ["unknown"] * 6 + ["*"]
    quarter, five, ten = (day.month + 2) // 3, day.year // 5 * 5, day.year // 10 * 10
    return [
        day.isoformat(),
        f"{day:%Y-%m}",
        f"{day.year}-Q{quarter}",
        str(day.year),
        f"{five}-{five + 4}",
        f"{ten}-{ten + 9}",
        "*",
    ]


def country_labels(country: str | None) -> list[str]:
    """Return a country's labels, finest first."""
    if country is None:
        return ["∅", "∅", "*"]
    part = next((part for part, countries in TREE.items() if country in countries), None)
    return [country, part, "*"] if part else ["elsewhere", "elsewhere", "*"]


def balance_labels(balance: int | None) -> list[str]:
    """Return a balance's labels, finest first; one that is out of range has none but `*`."""
    if balance is None:
        return ["∅"] * 3 + ["*"]
    if not 0 <= balance < 1000:
        return ["(none)"] * 3 + ["*"]
    return [f"{balance // width * width}-{balance // width * width + width - 1}" for width in (50, 100, 500)] + ["*"]


def labels_of(person: tuple[Any, Any, Any]) -> list[list[str]]:
    """Return a person's labels, column by column."""
    return [labels(value) for labels, value in zip((born_labels, country_labels, balance_labels), person, strict=True)]


class Reader(MemoryZone):
    """A mart of three columns and its records, in memory."""

    def __init__(self) -> None:
        """Make an empty restricted zone."""
        super().__init__(
            "create table restricted.anonymized_door.mart (born date, country varchar, balance integer)",
            "create table restricted.anonymized_candidate.mart (born varchar, country varchar, balance varchar)",
        )


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """Return one connection for all examples."""
    made = Reader()
    yield made
    made.connection.close()


def two_born(days_apart: int) -> list[tuple[date | None, str | None, int | None]]:
    """Return two people who are alike but for the day."""
    return [(FIRST, "NO", 0), (FIRST + timedelta(days=days_apart), "NO", 0)]


@settings(deadline=None, max_examples=60)
@example(people=two_born(1), levels=[(0, 0, 0)], strangers=[])
@example(people=two_born(31), levels=[(1, 0, 0)], strangers=[])
@example(people=two_born(95), levels=[(2, 0, 0)], strangers=[])
@example(people=two_born(365), levels=[(3, 0, 0)], strangers=[])
@example(people=two_born(1826), levels=[(4, 0, 0)], strangers=[])
@example(people=two_born(1), levels=[(0, 0, 0), (5, 0, 0)], strangers=[])
@given(people=PEOPLE, levels=st.lists(LEVELS, min_size=1, max_size=3), strangers=PEOPLE | st.just([]))
def test_the_register_join_counts_what_one_would_count_by_hand(
    reader: Reader, people: list[Any], levels: list[tuple[int, int, int]], strangers: list[Any]
) -> None:
    """(S12) Whoever fits a class is counted, on any mixture of levels, with nulls and values out of range."""
    shown = [
        tuple(labels[level] for labels, level in zip(labels_of(one), levels[place % len(levels)], strict=True))
        for place, one in enumerate([*people, *strangers])
    ]
    reader.fill("anonymized_door.mart", people)
    reader.fill("anonymized_candidate.mart", [[None if label == "∅" else label for label in row] for row in shown])

    classes = Counter(shown)
    fitting = {
        row: sum(all(label in labels for label, labels in zip(row, labels_of(one), strict=True)) for one in people)
        # What is out of range has no label; nobody fits what nobody could have been told.
        * ("(none)" not in row)
        for row in classes
    }
    found = ATTACKS["register_join"](reader, mart="mart", columns=COLUMNS, minimum_class_size=2).figures
    risks = {row: 1 / max(rows, fitting[row]) for row, rows in classes.items()}
    assert found["register_people"] == len(people)
    assert found["best_reidentification"] == pytest.approx(max(risks.values()), abs=1e-6)
    expected = sum(rows * risks[row] for row, rows in classes.items()) / len(shown)
    assert found["expected_reidentification"] == pytest.approx(expected, abs=1e-6)
    assert found["classes_of_nobody"] == sum(not fitting[row] for row in classes)
