"""Three counts agree: of the engine, of numbers that are sorted, and of plain Python."""

from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustmart.anonymity.hierarchy_building import categories, flat
from trustmart.anonymity.search import BaseTable
from trustmart.anonymity.search.rows import count_rows
from trustmart.anonymizing import counting
from trustmart.anonymizing.counting import count_base
from trustmart.anonymizing.encoding_sql import profile
from trustmart.anonymizing.files import engine, open_table
from trustmart.errors import HierarchyFault

PLACES = ["A1", "A2", "B1"]
HIERARCHIES = [categories("place", [(place, place[0]) for place in PLACES]), flat("sex", ["f", "m"])]
SCHEMA = pa.schema([(name, pa.string()) for name in ("place", "sex", "illness", "debts")])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "place": st.one_of(st.none(), st.sampled_from(PLACES)),
            "sex": st.sampled_from(["f", "m", None]),
            "illness": st.sampled_from(["flu", "gout", "cold", None]),
            "debts": st.sampled_from(["yes", "no"]),
        }
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one file for all examples."""
    return tmp_path_factory.mktemp("counted") / "in.parquet"


def _counted(base: BaseTable) -> Counter:
    """Return the people of each combination of codes and sensitive values."""
    codes = [base.layout.column_codes(base.keys, column).tolist() for column in range(len(HIERARCHIES))]
    values = [[base.sensitive[name].values[code] for code in found] for name, found in base.values.items()]
    found: Counter = Counter()
    for combination, people in zip(zip(*codes, *values, strict=True), base.counts.tolist(), strict=True):
        found[combination] += people
    assert len(found) == len(base.counts)
    return found


def _count(source: Path, rows: list[dict[str, Any]], sensitive: list[str]) -> BaseTable:
    """Count rows from a file."""
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), source)
    with engine() as session:
        table = open_table(session, source)
        profiled = profile(session, table, ["place", "sex"])
        return count_base(session, table, HIERARCHIES, sensitive, floor=(0, 0), profiled=profiled)


@pytest.mark.parametrize("sensitive", [[], ["illness"], ["illness", "debts"]])
@settings(max_examples=25)
@given(rows=ROWS)
def test_rows_are_counted_alike_wherever_it_is_done(source: Path, sensitive: list[str], rows: Any) -> None:
    """S12: as numbers, by the engine where they are too many, and in plain Python."""
    base = _count(source, rows, sensitive)
    expected = _counted(count_rows(rows, HIERARCHIES, sensitive=sensitive, layout=base.layout))
    assert _counted(base) == expected
    with patch.object(counting, "_MOST_NUMBERS", 0):
        assert _counted(_count(source, rows, sensitive)) == expected


def test_a_stranger_is_no_row_that_may_be_missed(source: Path) -> None:
    """S12: a value outside its hierarchy is an error, however rows are counted."""
    rows = [{"place": "A1", "sex": "f"}, {"place": "Z9", "sex": "f"}]
    with pytest.raises(HierarchyFault, match="1 values are outside"):
        _count(source, rows, [])
    with patch.object(counting, "_MOST_NUMBERS", 0), pytest.raises(HierarchyFault, match="1 values are outside"):
        _count(source, rows, [])
