"""Two implementations agree: k, distinct l and t in plain Python, and in the one statement that runs."""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustmart.anonymity.disclosure import Disclosure, measure_disclosure
from trustmart.anonymity.table_measures import measure_table
from trustmart.anonymizing.disclosing import disclosure
from trustmart.anonymizing.inspecting import inspect_table
from trustmart.anonymizing.words import quoted
from trustmart.warehouse.duckdb import DuckDBSession

LABELS = st.one_of(st.none(), st.sampled_from(["", "a", "A", "ä", "null", "'", "\U0001f469\U0001f3fd"]))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "region": LABELS,
            "people": st.one_of(st.none(), st.integers(0, 1)),
            "illness": LABELS,
            "income": st.one_of(st.none(), st.integers(-2, 3)),
        }
    ),
    max_size=30,
)
COLUMNS = ("region", "people", "illness", "income")
ASKED = st.tuples(
    st.sampled_from([["region"], ["region", "people"]]),
    st.sampled_from([[], ["illness"], ["income", "illness"]]),
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return one connection for all examples."""
    made = duckdb.connect()
    yield made
    made.close()


class _Listening(DuckDBSession):
    """A session that remembers what it was asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Start with nothing heard."""
        super().__init__(connection)
        self.heard: list[str] = []

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Remember the statement, and run it."""
        self.heard.append(statement)
        return super().rows(statement, parameters)


def _fill(connection: Any, rows: list[dict[str, Any]]) -> None:
    """Make a table of the rows. A column may be called what the statement calls a count."""
    connection.execute(
        "create or replace table published (region varchar, people integer, illness varchar, income integer)"
    )
    if rows:
        connection.executemany("insert into published values (?, ?, ?, ?)", [[row[c] for c in COLUMNS] for row in rows])


def _same(one: Disclosure, other: Disclosure) -> bool:
    """Compare, distances up to their last digits."""
    return (one.smallest_class_size, one.smallest_diversity) == (
        other.smallest_class_size,
        other.smallest_diversity,
    ) and one.largest_t == {
        column: None if t is None else pytest.approx(t, abs=1e-9) for column, t in other.largest_t.items()
    }


@settings(max_examples=80)
@given(rows=ROWS, asked=ASKED)
def test_python_and_sql_find_the_same_k_l_and_t(connection: Any, rows: list[dict[str, Any]], asked: Any) -> None:
    """S12: with none, one and two sensitive columns, nulls included, from one statement that names the table once."""
    _fill(connection, rows)
    session, (quasi_identifiers, sensitive) = _Listening(connection), asked
    found = disclosure(session, "published", quasi_identifiers, sensitive=sensitive)
    assert _same(found, measure_disclosure(rows, quasi_identifiers, sensitive))
    assert [statement.count("published") for statement in session.heard] == [1]


NAMES = ["size", "people", "held", "code", "class", "share", "key_0", "key_1", "value_0", "l", "t", 'a "b"', "from"]


@settings(max_examples=60)
@given(rows=ROWS, names=st.permutations(NAMES))
def test_a_column_may_have_any_name(connection: Any, rows: list[dict[str, Any]], names: list[str]) -> None:
    """S12: a column that is called what a statement calls a count, or a key, is measured like any other."""
    _fill(connection, rows)
    renamed = [{new: row[old] for old, new in zip(COLUMNS, names, strict=False)} for row in rows]
    for place, old in enumerate(COLUMNS):
        connection.execute(f"alter table published rename column {quoted(old)} to column_{place}")
    for place, new in enumerate(names[: len(COLUMNS)]):
        connection.execute(f"alter table published rename column column_{place} to {quoted(new)}")
    session, quasi_identifiers, sensitive = DuckDBSession(connection), names[:2], names[2:4]
    asked = measure_disclosure(renamed, quasi_identifiers, sensitive)
    assert _same(disclosure(session, "published", quasi_identifiers, sensitive=sensitive), asked)
    measured = inspect_table(session, "published", quasi_identifiers, sensitive=sensitive)
    assert (measured.smallest_class_size, measured.smallest_diversity) == (
        asked.smallest_class_size,
        min((l for l in asked.smallest_diversity.values() if l is not None), default=None),  # noqa: E741
    )


@given(rows=ROWS, asked=ASKED)
def test_the_three_figures_are_those_among_all_measures(rows: list[dict[str, Any]], asked: Any) -> None:
    """S12: asking for three figures and asking for every measure gives the same three figures."""
    quasi_identifiers, sensitive = asked
    all_of_it = measure_table(rows, quasi_identifiers, sensitive=sensitive)
    assert measure_disclosure(rows, quasi_identifiers, sensitive) == Disclosure(
        smallest_class_size=all_of_it.smallest_class_size,
        smallest_diversity={column: measures.smallest_diversity for column, measures in all_of_it.sensitive.items()},
        largest_t={column: measures.largest_t for column, measures in all_of_it.sensitive.items()},
    )
