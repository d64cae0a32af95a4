"""Search of a lattice too large to hold: a good node quickly, and then a bound on how much better any other can be."""

import heapq
import time
from collections.abc import Sequence

import numpy as np

from trustmart.anonymity.search.exact import SAME, Checker, Found, OnCheck
from trustmart.anonymity.search.node import Levels, Measured


def search_some(
    checker: Checker,
    marginals: Sequence[Sequence[float]],
    floor: Levels,
    budget: float,
    *,
    deadline: float,
    on_check: OnCheck = lambda checked, left: None,
) -> Found:
    """Return the best node seen until the deadline, and a bound that no node can be below.

    Parameters as in `search_all`. At least one node is measured, however little time there is.
    """
    return _Search(checker, marginals, floor, budget, deadline, on_check).run()


class _Search:
    """First downhill from `*` everywhere; then best first, one column after the other.

    A column that has no level yet counts as `*` for what must be suppressed, and as its finest level for what is lost:
    no choice for it can suppress less, or lose less. So the smallest such estimate of all open beginnings is a bound.
    """

    def __init__(
        self,
        checker: Checker,
        marginals: Sequence[Sequence[float]],
        floor: Levels,
        budget: float,
        deadline: float,
        on_check: OnCheck,
    ) -> None:
        """Remember what is asked for."""
        self._checker, self._marginals, self._floor, self._budget = checker, marginals, floor, budget
        self._deadline, self._on_check = deadline, on_check
        self._top: Levels = tuple(len(column) - 1 for column in marginals)
        self._best = np.inf
        self._found: tuple[Levels, Measured] | None = None
        self._checked = 0

    def run(self) -> Found:
        """Search until everything is decided, or time is over."""
        started = time.monotonic()
        top = self._measure(self._top)
        # Half the time for a good node, the rest for the bound.
        if top.bound_to_go <= self._budget:
            self._descend(until=started + (self._deadline - started) / 2)
            bound = self._best_first()
        else:
            bound = np.inf
        levels, measured = self._found if self._found else (None, None)
        return Found(
            levels=levels, measured=measured, loss=self._best, bound=min(bound, self._best), checked=self._checked
        )

    def _measure(self, levels: Levels) -> Measured:
        """Measure a node; keep it if it is the best so far."""
        measured = self._checker.check(levels)
        self._checked += 1
        self._on_check(self._checked, 0)
        if measured.suppressed <= self._budget:
            loss = sum(column[level] for column, level in zip(self._marginals, levels, strict=True)) + measured.extra
            if loss < self._best - SAME:
                self._best, self._found = loss, (levels, measured)
        return measured

    def _descend(self, until: float) -> None:
        """Refine one column at a time, the one that gains most first, while the budget allows."""
        here, open_columns = self._top, set(range(len(self._top)))
        moved = True
        while moved:
            moved = False
            for column in sorted(open_columns, key=lambda column: self._gain(here, column)):
                if time.monotonic() > until:
                    return
                if here[column] == self._floor[column]:
                    open_columns.discard(column)
                    continue
                finer = _with(here, column, here[column] - 1)
                measured = self._measure(finer)
                if measured.bound_to_go > self._budget:
                    open_columns.discard(column)
                elif measured.suppressed <= self._budget:
                    here, moved = finer, True
                    break

    def _gain(self, levels: Levels, column: int) -> float:
        """Return what one step down changes (a gain is below 0)."""
        level = levels[column]
        return self._marginals[column][level - 1] - self._marginals[column][level] if level else 0.0

    def _best_first(self) -> float:
        """Decide one column after the other, those first that cost most at `*`; return what no node can be below."""
        finest = [column[low] for column, low in zip(self._marginals, self._floor, strict=True)]
        order = sorted(range(len(finest)), key=lambda column: finest[column] - self._marginals[column][-1])
        beginnings: list[tuple[float, int, Levels]] = [(sum(finest), 0, self._top)]
        while beginnings:
            estimate, decided, levels = heapq.heappop(beginnings)
            if estimate >= self._best - SAME or time.monotonic() > self._deadline:
                return estimate
            if decided == len(order):
                continue
            column = order[decided]
            for level in range(self._top[column], self._floor[column] - 1, -1):
                following = _with(levels, column, level)
                measured = self._measure(following)
                if measured.bound_to_go > self._budget:
                    break
                free = sum(self._marginals[done][following[done]] for done in order[: decided + 1])
                ahead = free + sum(finest[later] for later in order[decided + 1 :]) + measured.extra_bound
                if ahead < self._best - SAME:
                    heapq.heappush(beginnings, (ahead, decided + 1, following))
        return self._best


def _with(levels: Levels, column: int, level: int) -> Levels:
    """Return levels with one of them changed."""
    return (*levels[:column], level, *levels[column + 1 :])
