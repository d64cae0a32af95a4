"""Branch and bound over the whole lattice, held as arrays with one axis per column."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.search.node import Levels, Measured

# Two losses that differ by less are the same.
SAME = 1e-12

Flags = NDArray[np.bool_]


class Checker(Protocol):
    """Measures nodes."""

    def check(self, levels: Levels) -> Measured:
        """Measure a node."""

    def glance(self, levels: Levels) -> Measured | None:
        """Measure a node on a part of the table that holds whole classes; None where that is not worth while.

        What is lost there is lost in the whole table, so it can prove that a node fails, never that it does not.
        """

    def looks_lost(self, glanced: Measured) -> bool:
        """Return whether a node will probably suppress too many, from the part that was looked at."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The best node a search has seen.

    levels: one per column; None where no node within the budget was seen.
    loss: of that node; infinite without one.
    bound: no node has a smaller loss than this.
    checked: how many nodes were measured on the whole table.
    """

    levels: Levels | None
    measured: Measured | None
    loss: float
    bound: float
    checked: int


OnCheck = Callable[[int, int], None]


def search_all(
    checker: Checker,
    marginals: Sequence[Sequence[float]],
    floor: Levels,
    budget: float,
    *,
    deadline: float,
    on_check: OnCheck = lambda checked, left: None,
) -> Found:
    """Return the node of least loss, or the best seen until the deadline (of time.monotonic).

    marginals: per column and level, what it adds to the loss if nobody is suppressed.
    floor: per column, the finest level allowed.
    budget: how many people may be suppressed.
    on_check: told how many nodes have been measured and how many are open.
    """
    return _Search(checker, marginals, floor, budget).run(deadline, on_check)


class _Search:
    """Branch and bound. A node stays open while its bound is below the best loss.

    Nodes that look lost on a part of the table are set aside, with all finer ones: the best node is found first, among
    what is left; only then is proved what has been set aside and still matters, the coarsest nodes first.
    """

    def __init__(self, checker: Checker, marginals: Sequence[Sequence[float]], floor: Levels, budget: float) -> None:
        """Start with every node open."""
        self._checker, self._floor, self._budget = checker, floor, budget
        self._free = _sum_of_axes([np.asarray(column[low:]) for column, low in zip(marginals, floor, strict=True)])
        self._bound = self._free.copy()
        self._aside = np.zeros(self._free.shape, dtype=bool)
        self._best, self._levels, self._measured, self._checked = np.inf, None, None, 0

    _levels: Levels | None
    _measured: Measured | None

    def run(self, deadline: float, on_check: OnCheck) -> Found:
        """Look at one node after the other, until none is open."""
        while (open_nodes := self._bound < self._best - SAME).any() and time.monotonic() < deadline:
            eager = open_nodes & ~self._aside
            if eager.any():
                self._look(_most_decisive(eager, self._bound))
            else:
                self._measure(_coarsest(open_nodes))
            on_check(self._checked, int(open_nodes.sum()))
        left = float(self._bound.min(initial=np.inf))
        return Found(
            levels=self._levels,
            measured=self._measured,
            loss=self._best,
            bound=min(left, self._best),
            checked=self._checked,
        )

    def _look(self, place: Levels) -> None:
        """Glance at a node where that helps; measure it if it is promising."""
        glanced = self._checker.glance(self._at(place))
        if glanced is not None:
            self._conclude(place, glanced)
            if self._bound[place] >= self._best - SAME:
                return
            if self._checker.looks_lost(glanced):
                self._aside[_finer(place)] = True
                return
        self._measure(place)

    def _measure(self, place: Levels) -> None:
        """Measure a node on the whole table, and draw the conclusions for all finer ones."""
        measured, self._checked = self._checker.check(self._at(place)), self._checked + 1
        self._conclude(place, measured)
        self._bound[place] = np.inf
        if measured.suppressed <= self._budget:
            loss = float(self._free[place]) + measured.extra
            if loss < self._best - SAME:
                self._best, self._levels, self._measured = loss, self._at(place), measured

    def _conclude(self, place: Levels, measured: Measured) -> None:
        """Raise the bounds of a node and of all finer ones by what they lose at least."""
        finer = _finer(place)
        lost = np.inf if measured.bound_to_go > self._budget else measured.extra_bound
        np.maximum(self._bound[finer], self._free[finer] + lost, out=self._bound[finer])

    def _at(self, place: Levels) -> Levels:
        """Return the levels of a place in the arrays."""
        return tuple(step + low for step, low in zip(place, self._floor, strict=True))


def _finer(place: Levels) -> tuple[slice, ...]:
    """Return the part of the arrays that holds a node and all finer ones."""
    return tuple(slice(0, step + 1) for step in place)


def _sum_of_axes(axes: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return for every node the sum of its columns' terms."""
    total = np.zeros([len(axis) for axis in axes])
    for place, axis in enumerate(axes):
        total += axis.reshape([-1 if other == place else 1 for other in range(len(axes))])
    return total


def _most_decisive(open_nodes: Flags, bound: NDArray[np.float64]) -> Levels:
    """Return the open node whose answer decides most: many open nodes finer, and many coarser."""
    finer = _count_finer(open_nodes)
    coarser = np.flip(_count_finer(np.flip(open_nodes)))
    return _first(np.where(open_nodes, np.minimum(finer, coarser) - bound, -np.inf))


def _coarsest(open_nodes: Flags) -> Levels:
    """Return the open node with the most open nodes finer than it."""
    return _first(np.where(open_nodes, _count_finer(open_nodes), -1))


def _count_finer(open_nodes: Flags) -> NDArray[np.int32]:
    """Return for every node how many open nodes are as fine or finer in every column."""
    finer = open_nodes.astype(np.int32)
    # Columns have few levels: adding slices is several times quicker than a cumulative sum.
    for coarser_step, finer_step in _steps(finer.shape):
        finer[coarser_step] += finer[finer_step]
    return finer


@functools.cache
def _steps(shape: tuple[int, ...]) -> list[tuple[tuple[slice | int, ...], tuple[slice | int, ...]]]:
    """Return the slices of each level of each column, with those of the level below."""
    every = slice(None)
    return [
        ((*[every] * axis, level), (*[every] * axis, level - 1))
        for axis, levels in enumerate(shape)
        for level in range(1, levels)
    ]


def _first(worth: NDArray[Any]) -> Levels:
    """Return where an array is largest."""
    return tuple(int(step) for step in np.unravel_index(int(np.argmax(worth)), worth.shape))
