"""What readers lose: plain Python and SQL agree, what is told is never less than the truth, and noise stays unknown."""

import math
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.cubes import RECORDS, CubeWarehouse, Record, release_of
from trustmart.anonymity.usefulness import COARSE, FINE, Utility, expected_noise, share_errors, told
from trustmart.anonymizing.microdata_usefulness import largest_share_error
from trustmart.warehouse.duckdb import DuckDBSession

COLUMNS = ("region", "people", "share")
LABELS = st.one_of(st.none(), st.sampled_from(["", "a", "A", "ä", "∅"]))
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, LABELS)), max_size=25)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield one connection for all examples."""
    with duckdb.connect() as made:
        yield made


@pytest.fixture(scope="module")
def warehouse() -> CubeWarehouse:
    """Return one warehouse for all examples."""
    return CubeWarehouse()


def _fill(connection: Any, name: str, rows: list[dict[str, Any]]) -> None:
    """Make a table of the rows."""
    connection.execute(f"create or replace table {name} (region varchar, people varchar, share varchar)")
    if rows:
        connection.executemany(
            f"insert into {name} values (?, ?, ?)", [[row[column] for column in COLUMNS] for row in rows]
        )


@given(raw=ROWS, published=ROWS)
@settings(max_examples=60, deadline=None)
def test_share_errors_in_sql_are_those_of_plain_python(
    connection: duckdb.DuckDBPyConnection, raw: list[dict[str, Any]], published: list[dict[str, Any]]
) -> None:
    """S18: the largest error of one-way and two-way shares, nulls as labels, nobody raw or published included."""
    _fill(connection, "raw", raw)
    _fill(connection, "published", published)
    found = largest_share_error(DuckDBSession(connection), "raw", "published", COLUMNS)
    assert found == pytest.approx(max(share_errors(raw, published, COLUMNS), default=0.0))


@given(rows=ROWS)
@settings(max_examples=30, deadline=None)
def test_shares_of_the_raw_data_themselves_are_right(
    connection: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]]
) -> None:
    """S18: who publishes everything loses nothing."""
    _fill(connection, "raw", rows)
    assert largest_share_error(DuckDBSession(connection), "raw", "raw", COLUMNS) == pytest.approx(0)


@given(error=st.floats(0, 2), step=st.sampled_from([FINE, COARSE]))
def test_an_error_is_told_upwards_to_the_next_step(error: float, step: float) -> None:
    """S18: never smaller than it is, less than a step larger, and only in whole steps: what is missing stays unknown."""
    said = told(error, step=step)
    assert error - 1e-9 <= said < error + step + 1e-9
    assert said / step == pytest.approx(round(said / step))


@given(scale=st.floats(0.2, 500))
def test_expected_noise_is_the_mean_of_the_distribution(scale: float) -> None:
    """S17: 1/sinh(1/scale) is the mean size of discrete Laplace noise, added up term by term."""
    share = math.exp(-1 / scale)
    terms = (2 * n * share**n * (1 - share) / (1 + share) for n in range(1, int(60 * scale) + 60))
    assert expected_noise(scale) == pytest.approx(sum(terms), rel=1e-6)


@given(records=RECORDS, k=st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_a_cube_tells_what_its_readers_lose_in_steps(warehouse: CubeWarehouse, records: list[Record], k: int) -> None:
    """S18: loss is the median error of totals; every figure of it is rounded, so no suppressed cell can be reckoned."""
    warehouse.load(records)
    facts = warehouse.make(release_of(k=k)).facts
    errors, utility = facts["query_error"], facts["utility"]
    assert utility["loss"] == pytest.approx(errors["median"], abs=1e-3)
    assert utility["raw"] - utility["published"] == pytest.approx(utility["loss"], abs=1e-9)
    assert errors["largest"] / COARSE == pytest.approx(round(errors["largest"] / COARSE))
    assert errors["median"] <= errors["largest"] + FINE


def test_a_figure_of_usefulness_says_what_is_lost() -> None:
    """S18: in the measure's own unit, rounded; a model that does better by chance has lost less than nothing."""
    said = Utility(measure="AUC", raw=0.7812345, published=0.75).as_dict()
    assert said == {"measure": "AUC", "raw": 0.781, "published": 0.75, "loss": 0.031}
    assert Utility(measure="AUC", raw=0.7, published=0.75).loss < 0
