"""Laws of the laboratory tree: nobody stands out, nobody is lost, and nights only make it coarser."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.exhaustive import optimum
from support.slow_tree import SlowTree, is_safe
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
from trustmart.anonymity.search.node import BaseTable
from trustmart.anonymity.search.rows import count_rows
from trustmart.anonymity.tree import Tree, class_counts, grow, growing, leaf_counts, loss_of, repair, route, routes_of
from trustmart.errors import HierarchyFault, NoRecoding

AGE = ranges("age", 0, 8, [1, 2, 4], fallback="other age")
PLACE = categories("place", [(place, place[0]) for place in ("A1", "A2", "A3", "B1", "B2", "C1")])
SEX = flat("sex", ["f", "m"])
COLUMNS = [AGE, PLACE, SEX]
NAMES = [hierarchy.name for hierarchy in COLUMNS]
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
    max_size=60,
)
ORDER = (None, "flu", "cold", "gout")
PATHS = {None: ("none", "*"), "flu": ("airways", "*"), "cold": ("airways", "*"), "gout": ("joints", "*")}
MODELS: dict[str, st.SearchStrategy[tuple[Model, ...]]] = {
    "k": st.just(()),
    "distinct": st.integers(2, 3).map(lambda values: (DistinctDiversity(l=values),)),
    "entropy": st.floats(1.1, 2.5).map(lambda values: (EntropyDiversity(l=values),)),
    "recursive": st.tuples(st.floats(0.5, 4), st.integers(2, 3)).map(
        lambda cl: (RecursiveDiversity(c=cl[0], l=cl[1]),)
    ),
    "equal": st.floats(0.05, 0.6).map(lambda t: (TCloseness(t=t),)),
    "ordered": st.floats(0.05, 0.4).map(lambda t: (TCloseness(t=t, distance="ordered", order=ORDER),)),
    "hierarchical": st.floats(0.05, 0.6).map(lambda t: (TCloseness(t=t, distance="hierarchical", paths=PATHS),)),
    "several": st.just((DistinctDiversity(l=2), TCloseness(t=0.5))),
}
FLOORS = st.tuples(st.integers(0, 1), st.integers(0, 1), st.just(0))
WEIGHTS = st.tuples(st.sampled_from([0.5, 1.0, 3.0]), st.just(1.0), st.just(1.0))


def _asked(k: int, models: tuple[Model, ...]) -> Requirements:
    """Ask for k, for models of one sensitive column, and for a little of another."""
    more = {"illness": models, "debts": (EntropyDiversity(l=1.0),)} if models else {}
    return Requirements(k=k, sensitive=more)


def _base(rows: Any, asked: Requirements, floor: Any) -> BaseTable:
    """Count rows."""
    return count_rows(rows, COLUMNS, sensitive=list(asked.sensitive), layout=lay_out(COLUMNS, floor=floor))


def _labels(tree: Tree, nodes: Any) -> list[tuple[str | None, ...]]:
    """Return what nodes say."""
    return [tuple(tree.vocabulary.texts[label] for label in tree.labels[node]) for node in nodes]


def _published(tree: Tree, rows: Any, floor: Any) -> list[tuple[str | None, ...]]:
    """Return every row's labels."""
    routes = routes_of(tree, lay_out(COLUMNS, floor=floor))
    bases = [_base([row], Requirements(k=1), floor) for row in rows]
    return _labels(tree, [tree.published_at[route(routes, base)[0]] for base in bases])


@pytest.mark.parametrize("model", sorted(MODELS))
@settings(max_examples=40)
@given(data=st.data(), rows=ROWS, k=st.integers(1, 5), reserve=st.integers(0, 2), weights=WEIGHTS, floor=FLOORS)
def test_the_tree_is_that_of_the_reference(
    data: Any, model: str, rows: Any, k: int, reserve: int, weights: Any, floor: Any
) -> None:
    """(S12) The arrays grow what plain Python grows: the same leaves for the same rows, also for rows never seen."""
    asked = _asked(k, data.draw(MODELS[model]))
    base = _base(rows, asked, floor)
    if not is_safe(rows, rows, asked, k):
        with pytest.raises(NoRecoding):
            grow(base, asked, weights=weights, floor=floor, reserve=reserve)
        return
    key_bits, roomy = data.draw(st.sampled_from([5, 64])), data.draw(st.sampled_from([-100, 8]))
    with patch.object(encoding, "KEY_BITS", key_bits), patch.object(growing, "_ROOMY", roomy):
        tree = grow(_base(rows, asked, floor), asked, weights=weights, floor=floor, reserve=reserve)
    slow = SlowTree(COLUMNS, asked, weights, floor, reserve)
    root = slow.grow(rows)
    others = data.draw(ROWS)
    found = _published(tree, [*rows, *others], floor)
    assert found == [slow.says(slow.route(root, row).labels) for row in [*rows, *others]]
    counts = leaf_counts(base, route(routes_of(tree, base.layout), base))
    people = class_counts(tree, counts)
    assert people.sum() == len(rows)
    named = dict(zip(NAMES, weights, strict=True))
    expected = sum(slow.loss(leaf) * len(leaf.rows) for leaf in root.leaves()) / len(rows)
    assert loss_of(tree, people, named)[0] == pytest.approx(expected)
    assert repair(tree, counts, asked).tree is tree


@pytest.mark.parametrize("model", sorted(MODELS))
@settings(max_examples=40)
@given(data=st.data(), rows=ROWS, later=ROWS, k=st.integers(1, 4), reserve=st.integers(0, 1), floor=FLOORS)
def test_on_every_night_everybody_is_published_and_nobody_stands_out(
    data: Any, model: str, rows: Any, later: Any, k: int, reserve: int, floor: Any
) -> None:
    """(S12, S13) Every class satisfies every model, labels are ancestors at an allowed level, and repair only coarsens."""
    asked = _asked(k, data.draw(MODELS[model]))
    try:
        tree = grow(_base(rows, asked, floor), asked, floor=floor, reserve=reserve)
    except NoRecoding:
        return
    _is_fit_to_publish(tree, rows, asked, floor)
    stayed = data.draw(st.integers(0, len(rows)))
    night = [*rows[:stayed], *later]
    base = _base(night, asked, floor)
    leaves = route(routes_of(tree, base.layout), base)
    if not is_safe(night, night, asked, k):
        with pytest.raises(NoRecoding):
            repair(tree, leaf_counts(base, leaves), asked)
        return
    done = repair(tree, leaf_counts(base, leaves), asked)
    _is_fit_to_publish(done.tree, night, asked, floor)
    assert done.tree.coarser_than(tree)
    assert np.array_equal(route(routes_of(done.tree, base.layout), base), leaves)
    before, after = (t.published_at[leaves] for t in (tree, done.tree))
    assert base.counts[before != after].sum() == done.relabelled
    assert (done.tree is tree) == (done.pooled_classes == 0)
    content = json.loads(json.dumps(done.tree.as_dict()))
    again = Tree.from_dict(content, COLUMNS)
    assert again.digest == done.tree.digest == content["digest"]
    assert np.array_equal(again.published_at[again.leaves], done.tree.published_at[done.tree.leaves])
    assert repair(again, leaf_counts(base, leaves), asked).pooled_classes == 0


def _is_fit_to_publish(tree: Tree, rows: Any, asked: Requirements, floor: Any) -> None:
    """Assert that all rows are there, under labels of their own, in classes that satisfy everything."""
    published = _published(tree, rows, floor)
    classes = defaultdict(list)
    for row, labels in zip(rows, published, strict=True):
        classes[labels].append(row)
        for hierarchy, low, label in zip(COLUMNS, floor, labels, strict=True):
            levels = range(low, hierarchy.levels)
            assert label in [hierarchy.generalize(row[hierarchy.name], level) for level in levels]
    assert all(is_safe(members, rows, asked, asked.k) for members in classes.values())


@settings(max_examples=60)
@given(rows=ROWS, k=st.integers(1, 5), floor=FLOORS)
def test_every_split_gains_and_no_leaf_is_twice(rows: Any, k: int, floor: Any) -> None:
    """(S12) The loss is never above that of `*` everywhere, and classes of different nodes differ in their labels."""
    asked = Requirements(k=k)
    base = _base(rows, asked, floor)
    try:
        tree = grow(base, asked, floor=floor)
    except NoRecoding:
        return
    people = class_counts(tree, leaf_counts(base, route(routes_of(tree, base.layout), base)))
    assert loss_of(tree, people)[0] <= 1 + 1e-12
    homes = np.unique(tree.homes)
    numbers = Counter(tuple(line) for line in tree.labels[homes].tolist())
    assert max(numbers.values()) == 1


def test_a_greedy_tree_may_lose_more_than_the_best_single_node() -> None:
    """(S12) Four people: the tree splits the first column, as wide as the second; the best node splits the second."""
    first = categories("first", [(f"{group}{i}", group) for group in "ab" for i in range(3)])
    second = flat("second", ["x", "y"])
    people = [("b1", "y"), ("a1", "y"), ("b0", "x"), ("a1", "x")]
    rows = [{"first": place, "second": side} for place, side in people]
    asked = Requirements(k=2)
    base = count_rows(rows, [first, second])
    tree = grow(base, asked)
    people = class_counts(tree, leaf_counts(base, route(routes_of(tree, base.layout), base)))
    best = optimum(rows, [first, second], asked, {"first": 1, "second": 1}, (0, 0))
    assert best is not None
    assert best.levels == (2, 0)
    assert loss_of(tree, people)[0] > best.loss + 0.08


def test_a_tree_of_other_hierarchies_or_of_another_hand_is_refused() -> None:
    """(S12) A frozen tree is bound to its hierarchies, and to its digest."""
    rows = [{"age": age, "place": "A1", "sex": "f"} for age in (0, 0, 5, 5)]
    tree = grow(count_rows(rows, COLUMNS), Requirements(k=2))
    content = tree.as_dict()
    with pytest.raises(HierarchyFault, match="other hierarchies"):
        Tree.from_dict(content, [AGE, PLACE, flat("sex", ["f"])])
    with pytest.raises(HierarchyFault, match="digest"):
        Tree.from_dict({**content, "digest": "0"}, COLUMNS)
    assert not tree.coarser_than(replace(tree, parents=tree.parents[:1]))
