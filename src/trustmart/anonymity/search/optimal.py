"""Fit a full-domain recoding: the level of each column that loses least while every class is safe."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trustmart.anonymity.models import Requirements
from trustmart.anonymity.search.bounded import search_some
from trustmart.anonymity.search.checking import TableChecker
from trustmart.anonymity.search.exact import SAME, search_all
from trustmart.anonymity.search.node import BaseTable, Levels, Measured
from trustmart.errors import NoRecoding

# A lattice of so many nodes is held as arrays (some 30 bytes a node).
MOST_NODES = 1 << 20
# Less than this is rounding.
_NO_GAP = 1e-9


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The recoding that was found.

    levels: one per column, 0 being exact.
    loss: the mean penalty over records and columns, with the columns' weights; a suppressed record counts 1.
    suppressed: records in classes that fail.
    classes: how many are published.
    optimal: whether no other recoding loses less.
    gap: by how much another could lose less, at most; 0 where this is the optimum.
    nodes: how many recodings the lattice has; checked: how many were measured on the whole table.
    """

    levels: Levels
    loss: float
    suppressed: int
    classes: int
    optimal: bool
    gap: float
    nodes: int
    checked: int


def fit(
    base: BaseTable,
    requirements: Requirements,
    *,
    weights: Sequence[float] | None = None,
    floor: Sequence[int] | None = None,
    time_limit: float = 60.0,
    on_check: Callable[[int, int], None] = lambda checked, left: None,
) -> Fit:
    """Return the optimal recoding of a table, or the best that was found in the time limit with a bound on its gap.

    weights: per column, how much its loss counts; floor: per column, the finest level allowed. time_limit: seconds.
    on_check: told after every node how many have been measured, and how many are open.
    Raises NoRecoding where no node meets the requirements, or none was found in time.
    """
    columns = len(base.layout.hierarchies)
    lowest = tuple(floor) if floor is not None else (0,) * columns
    checker = TableChecker(base, requirements, weights if weights is not None else [1.0] * columns)
    marginals = [checker.penalties.marginal(base, column) for column in range(columns)]
    nodes = math.prod(levels - low for levels, low in zip(base.layout.level_counts, lowest, strict=True))
    search = search_all if nodes <= MOST_NODES else search_some
    budget = requirements.maximum_suppressed * base.people + 1e-6
    found = search(checker, marginals, lowest, budget, deadline=time.monotonic() + time_limit, on_check=on_check)
    if found.levels is None or found.measured is None:
        raise NoRecoding(_none_found(base, requirements, nodes, found.bound == math.inf))
    gap = max(found.loss - found.bound, 0.0)
    levels, measured = _finest_of_equals(checker, marginals, lowest, budget, found.levels, found.measured)
    return Fit(
        levels=levels,
        loss=found.loss,
        suppressed=measured.suppressed,
        classes=measured.classes,
        optimal=gap <= _NO_GAP,
        gap=0.0 if gap <= _NO_GAP else gap,
        nodes=nodes,
        checked=found.checked,
    )


def _finest_of_equals(
    checker: TableChecker,
    marginals: Sequence[Sequence[float]],
    floor: Levels,
    budget: float,
    levels: Levels,
    measured: Measured,
) -> tuple[Levels, Measured]:
    """Return the finest node that loses no more: a column of a single value need not be published as `*`."""
    for column, low in enumerate(floor):
        while (level := levels[column]) > low and marginals[column][level] - marginals[column][level - 1] < SAME:
            finer = (*levels[:column], level - 1, *levels[column + 1 :])
            found = checker.check(finer)
            if found.suppressed > budget or found.extra > measured.extra + SAME:
                break
            levels, measured = finer, found
    return levels, measured


def _none_found(base: BaseTable, requirements: Requirements, nodes: int, proved: bool) -> str:
    """Return what to do where there is no recoding."""
    asked = f"k = {requirements.k} and what is asked of {len(requirements.sensitive)} sensitive columns"
    share = f"{requirements.maximum_suppressed:.1%} of {base.people:,} records suppressed"
    if proved:
        return (
            f"none of {nodes:,} recodings meets {asked} with {share}, not even * in every column;"
            " ask for less, or allow more suppression"
        )
    return f"no recoding that meets {asked} with {share} was found in time among {nodes:,}; allow more time"
