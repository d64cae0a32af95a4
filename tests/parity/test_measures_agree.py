"""Two implementations agree: the plain-Python measures and the SQL that runs in production."""

from collections import Counter
from collections.abc import Iterator
from statistics import median_low
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustmart.anonymity import class_sizes, measure_classes
from trustmart.gates.measures_sql import measure_mart

LABELS = st.one_of(st.none(), st.sampled_from(["", " ", "a", "A", "ä", "unknown", "null", "None", "'"]))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "region": LABELS,
            "band": st.one_of(st.none(), st.integers(0, 2)),
            "customers": st.one_of(st.none(), st.integers(-2, 1000)),
        }
    ),
    max_size=30,
)


class Reader:
    """A DuckDB of its own, in memory."""

    def __init__(self) -> None:
        """Make an empty restricted zone."""
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as restricted; create schema restricted.anonymized_candidate")

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()

    def publish(self, rows: list[dict[str, Any]]) -> None:
        """Replace the candidate."""
        mart = "restricted.anonymized_candidate.mart"
        self.connection.execute(f"create or replace table {mart} (region varchar, band integer, customers bigint)")
        if rows:
            values = [row[column] for row in rows for column in ("region", "band", "customers")]
            places = ", ".join(["(?, ?, ?)"] * len(rows))
            self.connection.execute(f"insert into {mart} values {places}", values)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """Return one connection for all examples."""
    made = Reader()
    yield made
    made.connection.close()


@given(rows=ROWS, minimum=st.integers(2, 600))
def test_python_and_sql_measure_the_same(reader: Reader, rows: list[dict[str, Any]], minimum: int) -> None:
    """S12: same classes, sizes, median and histogram on any data, nulls included."""
    reader.publish(rows)
    columns = ["region", "band"]
    in_sql = measure_mart(reader, "mart", columns=columns, class_size="customers", minimum=minimum)
    assert in_sql == measure_classes(rows, columns, size="customers", minimum=minimum)


@given(rows=ROWS, minimum=st.integers(2, 600))
def test_the_summary_says_what_the_classes_say(reader: Reader, rows: list[dict[str, Any]], minimum: int) -> None:
    """S12: the figures of the SQL, counted once more from the classes themselves."""
    reader.publish(rows)
    sizes = list(class_sizes(rows, ["region"], size="customers").values())
    measured = measure_mart(reader, "mart", columns=["region"], class_size="customers", minimum=minimum)
    assert measured.rows == len(rows)
    assert measured.classes == len(sizes)
    assert measured.people == sum(sizes)
    assert measured.smallest_class == (min(sizes) if sizes else None)
    assert measured.median_class == (median_low(sizes) if sizes else None)
    assert measured.classes_below == sum(size < minimum for size in sizes)
    repeated = Counter(row["region"] for row in rows)
    assert measured.classes_in_several_rows == sum(times > 1 for times in repeated.values())
