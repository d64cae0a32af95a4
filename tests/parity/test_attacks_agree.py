"""Two implementations agree: attacks in SQL, and the same attacks written out person by person."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustmart.anonymity.intervals import residual, wilson
from trustmart.gates.attacks.inference import _measure
from trustmart.gates.attacks.singling_out import _count

ROWS = st.lists(
    st.tuples(st.sampled_from([None, "a", "b", ""]), st.sampled_from([None, "x", "y"]), st.sampled_from([None, 1, 2])),
    min_size=1,
    max_size=40,
)


class Reader:
    """A mart of three columns in memory."""

    def __init__(self) -> None:
        """Make an empty restricted zone."""
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as restricted; create schema restricted.anonymized_candidate")

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()

    def publish(self, rows: list[tuple[Any, ...]]) -> None:
        """Replace the candidate."""
        self.connection.execute(
            "create or replace table restricted.anonymized_candidate.mart (band varchar, region varchar, loan integer)"
        )
        self.connection.executemany("insert into restricted.anonymized_candidate.mart values (?, ?, ?)", rows)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """Return one connection for all examples."""
    made = Reader()
    yield made
    made.connection.close()


@settings(deadline=None, max_examples=60)
@given(rows=ROWS, k=st.integers(2, 6))
def test_singling_out_counts_what_one_would_count_by_hand(reader: Reader, rows: list[Any], k: int) -> None:
    """(S12) Rare tuples, unique ones, and the control over all pairs of rows, nulls as values."""
    reader.publish(rows)
    whole, unique_by_chance = Counter(rows), 0
    for own in rows:
        unique_by_chance += sum(whole[(*own[:2], other[2])] == 1 for other in rows)
    expected = (
        len(rows),
        sum(n for n in whole.values() if n < k),
        sum(n == 1 for n in whole.values()),
        pytest.approx(unique_by_chance / len(rows) ** 2),
    )
    assert _count(reader, "mart", ["band", "region"], ["loan"], k) == expected


@settings(deadline=None, max_examples=60)
@given(rows=ROWS)
def test_the_control_of_inference_leaves_out_one_person_at_a_time(reader: Reader, rows: list[Any]) -> None:
    """(S12) Guesses with and without each person, ties as the share they are, nulls as values."""
    reader.publish(rows)
    classes: dict[Any, Counter[Any]] = defaultdict(Counter)
    for band, region, loan in rows:
        classes[band, region][loan] += 1
    control = 0.0
    for band, region, loan in rows:
        rest = classes[band, region] - Counter([loan])
        best = [value for value, n in rest.items() if n == max(rest.values())]
        control += (loan in best) / len(best) if best else 1.0
    measured = _measure(reader, "mart", ["band", "region"], "loan", {})
    assert measured["right"] == sum(max(counts.values()) for counts in classes.values())
    assert float(measured["control_right"]) == pytest.approx(control)
    assert measured["distinct"] == min(len(counts) for counts in classes.values())


@given(attempts=st.integers(1, 5000), share=st.floats(0, 1), control=st.floats(0, 1))
def test_an_interval_holds_its_share(attempts: int, share: float, control: float) -> None:
    """(S12) Wilson's interval lies in [0, 1] around the share; a risk over control is never above the attack."""
    attack, base = wilson(share * attempts, attempts), wilson(control * attempts, attempts)
    assert 0 <= attack.low <= attack.value <= attack.high <= 1
    risk = residual(attack, base)
    assert 0 <= risk.low <= risk.value <= risk.high <= 1
    assert risk.value <= attack.value + 1e-9
