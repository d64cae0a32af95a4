"""Laws of equivalence classes, whatever the rows are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustmart.anonymity import class_sizes, measure_classes, smallest_class_size, suppressed_share

VALUES = st.one_of(st.none(), st.sampled_from("abc"))
ROWS = st.lists(st.fixed_dictionaries({"x": VALUES, "y": VALUES, "people": st.integers(0, 700)}))


@given(rows=ROWS)
def test_nobody_is_lost_and_nobody_counted_twice(rows: list[dict[str, Any]]) -> None:
    """S12: the sizes of all classes add up to everybody, nulls included."""
    assert sum(class_sizes(rows, ["x", "y"]).values()) == len(rows)
    assert sum(class_sizes(rows, ["x"], size="people").values()) == sum(row["people"] for row in rows)


@given(rows=ROWS)
def test_coarser_is_never_rarer(rows: list[dict[str, Any]]) -> None:
    """S18: leaving a quasi-identifier out can only make the smallest class larger."""
    finer, coarser = smallest_class_size(rows, ["x", "y"]), smallest_class_size(rows, ["x"])
    assert (finer is None and coarser is None) or finer <= coarser  # type: ignore[operator]


@given(rows=ROWS, minimum=st.integers(2, 800))
def test_every_class_is_in_one_bin(rows: list[dict[str, Any]], minimum: int) -> None:
    """S12: a histogram counts every class once, and shows a bin below the minimum only where it is needed."""
    measured = measure_classes(rows, ["x", "y"], size="people", minimum=minimum)
    assert sum(size_bin.classes for size_bin in measured.histogram) == measured.classes
    assert (measured.histogram[0].low < minimum) == (measured.classes_below > 0)
    assert measured.histogram[-1].high is None


def test_nulls_form_a_class_of_their_own() -> None:
    """S12: pandas' groupby drops them, and a well-known library says 3 where the truth is 1."""
    rows = [{"job": "nurse"}] * 3 + [{"job": None}]
    assert class_sizes(rows, ["job"]) == {("nurse",): 3, (None,): 1}
    assert smallest_class_size(rows, ["job"]) == 1
    assert smallest_class_size([], ["job"]) is None


def test_a_share_of_nobody_is_an_error() -> None:
    """S12: a share that cannot be is not guessed."""
    assert suppressed_share(people_total=8, people_suppressed=2) == 0.25
    for total, suppressed in ((0, 0), (5, 6), (5, -1)):
        with pytest.raises(ValueError, match="is no share"):
            suppressed_share(people_total=total, people_suppressed=suppressed)
