"""Laws of runs of siblings: cut by the hierarchy alone, halfway, and nothing else is changed."""

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.hierarchy_building import calendar, categories, ranges
from trustmart.anonymity.refining import MOST_SIBLINGS, refined, refined_floor
from trustmart.errors import HierarchyFault

PATHS = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9)), unique_by=lambda path: path[0], max_size=60)


def _leaves(hierarchy: Hierarchy, level: int) -> dict[str | None, tuple[int, ...]]:
    """Return the leaves under each label of a level."""
    found: dict[str | None, tuple[int, ...]] = {}
    for leaf, node in enumerate(hierarchy.ancestors(level).tolist()):
        label = hierarchy.labels[level][node]
        found[label] = (*found.get(label, ()), leaf)
    return found


def _children(hierarchy: Hierarchy, level: int) -> Sequence[int]:
    """Return how many children each node above a level has."""
    return [hierarchy.parents[level].count(node) for node in range(len(hierarchy.labels[level + 1]))]


@given(paths=PATHS, fallback=st.sampled_from([None, "other"]))
def test_own_levels_stay_and_no_label_has_many_children(paths: Sequence[tuple[int, int]], fallback: str | None) -> None:
    """(S12) Every level keeps its name and its labels; between them nobody but nulls and strangers is a fifth child."""
    plain = categories("place", [(f"p{leaf}", f"g{group}") for leaf, group in paths], fallback=fallback)
    finer = refined(plain)
    for level, name in enumerate(plain.level_names):
        assert _leaves(finer, finer.level(name)) == _leaves(plain, level)
    assert refined_floor([plain], [1]) == (finer.level(plain.level_names[1]),)
    strangers = 1 if fallback is None else 2
    for level in range(finer.levels - 1):
        allowed = MOST_SIBLINGS + (strangers if level == finer.levels - 2 else 0)
        assert max(_children(finer, level)) <= allowed
    assert [finer.leaf_of(value) for value in ("p1", None)] == [plain.leaf_of(value) for value in ("p1", None)] or (
        fallback is None and plain.leaf_of("p1") is None
    )


def test_years_and_days_become_runs() -> None:
    """(S12) A calendar is told by halves of a month and of five years too."""
    finer = refined(calendar("born", date(1980, 1, 1), date(1999, 12, 31)))
    assert "1980 to 1982" in finer.labels[finer.level("year runs 1")]
    assert "1980-01-01 to 1980-01-16" in finer.labels[finer.level("day runs 3")]
    assert finer.levels == 11


def test_few_siblings_stay_as_they_are() -> None:
    """(S12) Where nothing is wide nothing is added: the same hierarchy, to the digest."""
    plain = ranges("age", 0, 8, [1, 2, 4], fallback="other")
    assert refined(plain).digest == plain.digest


def test_a_label_that_reads_like_a_run_is_refused() -> None:
    """(S12) `a to c` cannot be a place and a run of places."""
    with pytest.raises(HierarchyFault, match="read like a run"):
        refined(categories("place", [(label,) for label in ("a", "b", "c", "d", "e", "a to c")]))
