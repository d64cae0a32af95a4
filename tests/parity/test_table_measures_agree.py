"""Two implementations agree: every measure of a published table in plain Python, and in the SQL that runs."""

import random
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustmart.anonymity.table_measures import SensitiveMeasures, TableMeasures, measure_table
from trustmart.anonymizing.inspecting import inspect_table
from trustmart.warehouse.duckdb import DuckDBSession

LABELS = st.one_of(st.none(), st.sampled_from(["", "a", "A", "ä", "null", "'", "\U0001f469\U0001f3fd"]))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "region": LABELS,
            "band": st.one_of(st.none(), st.integers(0, 1)),
            "illness": LABELS,
            "income": st.one_of(st.none(), st.integers(-2, 3)),
        }
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return one connection for all examples."""
    made = duckdb.connect()
    yield made
    made.close()


def _same(one: Any, other: Any) -> bool:
    """Compare measures, floats up to their last digits."""
    if isinstance(one, TableMeasures | SensitiveMeasures):
        return all(_same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == (pytest.approx(other, abs=1e-9) if isinstance(other, float) else other)


@settings(max_examples=80)
@given(rows=ROWS, k=st.integers(1, 5))
def test_python_and_sql_measure_a_table_alike(connection: Any, rows: list[dict[str, Any]], k: int) -> None:
    """S12: sizes, risks, three kinds of l and two of t, over one and two quasi-identifiers, nulls included."""
    connection.execute(
        "create or replace table published (region varchar, band integer, illness varchar, income integer)"
    )
    if rows:
        connection.executemany(
            "insert into published values (?, ?, ?, ?)",
            [[row[c] for c in ("region", "band", "illness", "income")] for row in rows],
        )
    for quasi_identifiers in (["region"], ["region", "band"]):
        asked: Any = {"sensitive": ["illness", "income"], "k": k, "records_total": len(rows) + 2}
        in_python = measure_table(rows, quasi_identifiers, **asked)
        assert _same(inspect_table(DuckDBSession(connection), "published", quasi_identifiers, **asked), in_python)


def test_they_agree_where_a_class_holds_few_of_many_values(connection: Any) -> None:
    """S12: ordered t, which looks only at values that occur in a class, says what a walk over all of them says."""
    drawn = random.Random(12)
    rows = [
        {"region": place % 40, "income": None if drawn.random() < 0.03 else round(drawn.lognormvariate(place % 7, 2))}
        for place in range(1200)
    ]
    connection.execute("create or replace table published (region integer, income bigint)")
    connection.executemany("insert into published values (?, ?)", [[row["region"], row["income"]] for row in rows])
    in_python = measure_table(rows, ["region"], sensitive=["income"])
    assert in_python.sensitive["income"].largest_ordered_t is not None
    assert _same(inspect_table(DuckDBSession(connection), "published", ["region"], sensitive=["income"]), in_python)


def test_the_overall_figures_are_the_worst_of_all_columns() -> None:
    """S12: what a script reads first is what a class gives away about any sensitive column."""
    rows = [
        {"x": 1, "a": "u", "b": "u"},
        {"x": 1, "a": "v", "b": "u"},
        {"x": None, "a": "w", "b": "v"},
        {"x": None, "a": "w", "b": "u"},
    ]
    measured = measure_table(rows, ["x"], sensitive=["a", "b"])
    assert (measured.smallest_class_size, measured.smallest_diversity, measured.smallest_entropy_diversity) == (
        2,
        1,
        1.0,
    )
    assert measured.largest_t == measured.sensitive["a"].largest_t == 0.5
    assert measured.as_dict()["largest_t"] == 0.5
    with pytest.raises(ValueError, match="cannot come from 1"):
        measure_table(rows, ["x"], records_total=1)
