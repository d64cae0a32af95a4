"""Laws of the search for a recoding: the optimum, never less, and nobody who stands out."""

from collections import Counter
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.exhaustive import apply, optimum
from trustmart.anonymity import encoding
from trustmart.anonymity.encoding import lay_out
from trustmart.anonymity.hierarchy_building import categories, flat, ranges
from trustmart.anonymity.models import (
    DistinctDiversity,
    EntropyDiversity,
    Model,
    RecursiveDiversity,
    Requirements,
    TCloseness,
)
from trustmart.anonymity.search import checking, fit, histograms, node
from trustmart.anonymity.search import optimal as optimal_module
from trustmart.anonymity.search.rows import count_rows
from trustmart.errors import NoRecoding

AGE = ranges("age", 0, 8, [1, 2, 4], fallback="other age")
PLACE = categories("place", [(place, place[0]) for place in ("A1", "A2", "A3", "B1", "B2", "C1")])
SEX = flat("sex", ["f", "m"])
COLUMNS = [AGE, PLACE, SEX]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.one_of(st.none(), st.integers(0, 9)),
            "place": st.one_of(st.none(), st.sampled_from(["A1", "A2", "A3", "B1", "B2", "C1"])),
            "sex": st.sampled_from(["f", "m", None]),
            "illness": st.sampled_from(["flu", "flu", "flu", "gout", "cold", None]),
            "debts": st.booleans(),
        }
    ),
    min_size=1,
    max_size=40,
)
ORDER = (None, "flu", "cold", "gout")
PATHS = {None: ("none", "*"), "flu": ("airways", "*"), "cold": ("airways", "*"), "gout": ("joints", "*")}
MODELS: dict[str, st.SearchStrategy[Model]] = {
    "distinct": st.integers(2, 3).map(lambda values: DistinctDiversity(l=values)),
    "entropy": st.floats(1.1, 2.5).map(lambda values: EntropyDiversity(l=values)),
    "recursive": st.tuples(st.floats(0.5, 4), st.integers(2, 3)).map(lambda cl: RecursiveDiversity(c=cl[0], l=cl[1])),
    "equal": st.floats(0.05, 0.6).map(lambda t: TCloseness(t=t)),
    "ordered": st.floats(0.05, 0.4).map(lambda t: TCloseness(t=t, distance="ordered", order=ORDER)),
    "hierarchical": st.floats(0.05, 0.6).map(lambda t: TCloseness(t=t, distance="hierarchical", paths=PATHS)),
}
BUDGETS = st.sampled_from([0.0, 0.1, 0.3])
FLOORS = st.tuples(st.integers(0, 1), st.integers(0, 1), st.just(0))
WEIGHTS = st.tuples(st.sampled_from([0.5, 1.0, 3.0]), st.just(1.0), st.just(1.0))


def _agrees(rows: list[dict[str, Any]], asked: Requirements, weights: Any, floor: Any) -> None:
    """Compare the search with looking at every node."""
    named = dict(zip(("age", "place", "sex"), weights, strict=True))
    base = count_rows(rows, COLUMNS, sensitive=list(asked.sensitive), layout=lay_out(COLUMNS, floor=floor))
    best = optimum(rows, COLUMNS, asked, named, floor)
    if best is None:
        with pytest.raises(NoRecoding):
            fit(base, asked, weights=weights, floor=floor)
        return
    found = fit(base, asked, weights=weights, floor=floor)
    applied = apply(rows, COLUMNS, found.levels, asked, named)
    assert found.optimal
    assert found.loss == pytest.approx(best.loss, abs=1e-9)
    assert (applied.loss, applied.suppressed) == (pytest.approx(found.loss, abs=1e-9), found.suppressed)
    assert found.suppressed <= asked.maximum_suppressed * len(rows) + 1e-6
    sizes = Counter(tuple(row[h.name] for h in COLUMNS) for row in applied.published)
    assert len(sizes) == found.classes
    assert all(size >= asked.k for size in sizes.values())


@settings(max_examples=60)
@given(rows=ROWS, k=st.integers(1, 6), budget=BUDGETS, weights=WEIGHTS, floor=FLOORS)
def test_the_optimum_for_k_is_that_of_exhaustive_search(
    rows: Any, k: int, budget: float, weights: Any, floor: Any
) -> None:
    """S12: the same loss as looking at all 48 nodes, and every class has k people."""
    _agrees(rows, Requirements(k=k, maximum_suppressed=budget), weights, floor)


@pytest.mark.parametrize("model", sorted(MODELS))
@settings(max_examples=40)
@given(data=st.data(), rows=ROWS, k=st.integers(1, 4), budget=BUDGETS, weights=WEIGHTS, floor=FLOORS)
def test_the_optimum_for_a_model_is_that_of_exhaustive_search(
    data: Any, model: str, rows: Any, k: int, budget: float, weights: Any, floor: Any
) -> None:
    """S12: diversity and closeness too, monotone or not, over a sensitive column with nulls."""
    asked = Requirements(k=k, sensitive={"illness": (data.draw(MODELS[model]),)}, maximum_suppressed=budget)
    _agrees(rows, asked, weights, floor)


@settings(max_examples=30)
@given(rows=ROWS, k=st.integers(1, 4), budget=BUDGETS)
def test_several_sensitive_columns_and_models_hold_together(rows: Any, k: int, budget: float) -> None:
    """S12: a class must satisfy every model of every sensitive column."""
    both = {"illness": (DistinctDiversity(l=2), TCloseness(t=0.5)), "debts": (EntropyDiversity(l=1.2),)}
    _agrees(rows, Requirements(k=k, sensitive=both, maximum_suppressed=budget), (1.0, 1.0, 1.0), (0, 0, 0))


@settings(max_examples=40)
@given(data=st.data(), rows=ROWS, k=st.integers(1, 4), budget=BUDGETS, model=st.sampled_from(sorted(MODELS)))
def test_the_bounded_search_finds_the_optimum_where_it_ends(
    data: Any, rows: Any, k: int, budget: float, model: str
) -> None:
    """S12: a search that holds no lattice gives the same optimum, if it is given the time."""
    with patch.object(optimal_module, "MOST_NODES", 0):
        asked = Requirements(k=k, sensitive={"illness": (data.draw(MODELS[model]),)}, maximum_suppressed=budget)
        _agrees(rows, asked, (1.0, 1.0, 1.0), (0, 0, 0))


@settings(max_examples=60)
@given(data=st.data(), rows=ROWS, k=st.integers(1, 4), budget=BUDGETS, model=st.sampled_from(["k", *sorted(MODELS)]))
def test_the_shortcuts_for_large_tables_change_nothing(data: Any, rows: Any, k: int, budget: float, model: str) -> None:
    """S12: glances at parts, hashing (with many collisions) and several keys per row lead to the same optimum."""
    models = {} if model == "k" else {"illness": (data.draw(MODELS[model]),)}
    with (
        patch.object(histograms, "QUICKLY_SORTED", 1),
        patch.object(histograms, "_MOST_SLOT_BITS", 3),
        patch.object(node, "QUICKLY_SORTED", 1),
        patch.object(checking, "QUICKLY_SORTED", 0),
        patch.object(checking, "_LEAST_GROUPS", 2),
        patch.object(encoding, "KEY_BITS", data.draw(st.sampled_from([5, 7, 64]))),
    ):
        _agrees(rows, Requirements(k=k, sensitive=models, maximum_suppressed=budget), (1.0, 1.0, 1.0), (0, 0, 0))


@settings(max_examples=30)
@given(rows=ROWS, k=st.integers(1, 4), checks=st.integers(0, 6))
def test_a_search_cut_off_states_a_gap_that_holds(rows: Any, k: int, checks: int) -> None:
    """S12: whatever the clock allows, the true optimum is never below what the result says it can be."""
    asked = Requirements(k=k, maximum_suppressed=0.1)
    best = optimum(rows, COLUMNS, asked, {"age": 1, "place": 1, "sex": 1}, (0, 0, 0))
    ticks = iter(range(10_000))
    for most_nodes in (0, 1 << 20):
        with (
            patch.object(optimal_module, "MOST_NODES", most_nodes),
            patch("time.monotonic", side_effect=lambda: float(next(ticks))),
        ):
            try:
                found = fit(count_rows(rows, COLUMNS), asked, time_limit=checks)
            except NoRecoding:
                continue
        assert best is not None
        assert found.loss - found.gap - 1e-9 <= best.loss <= found.loss + 1e-9
        assert found.optimal == (found.gap == 0)
