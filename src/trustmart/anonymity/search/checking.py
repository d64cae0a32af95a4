"""Measuring nodes: on the whole table, or at a glance on parts of it that hold whole classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.models import Requirements
from trustmart.anonymity.search.histograms import QUICKLY_SORTED
from trustmart.anonymity.search.node import BaseTable, Classes, Levels, Measured, Penalties, measure

# A part must hold this share of the people, and several times what may be suppressed: else it can prove nothing.
_LEAST_SHARE, _BUDGETS = 1 / 8, 6
# With fewer groups than this to choose from, a part would be too unlike the whole.
_LEAST_GROUPS = 6
_HOPELESS = 1.3


@dataclass(frozen=True)
class _Part:
    """The people of some groups of one column: whole classes, at every node that keeps these groups apart."""

    column: int
    level: int
    base: BaseTable
    classes: Classes
    share: float


class TableChecker:
    """Measures the nodes of one table."""

    def __init__(self, base: BaseTable, requirements: Requirements, weights: Sequence[float]) -> None:
        """Prepare; parts are made only where the table is large."""
        self.penalties = Penalties(base.layout, weights)
        self._base, self._requirements = base, requirements
        self._classes = Classes(base)
        self._budget = requirements.maximum_suppressed * base.people
        self._parts = _parts(base, requirements.maximum_suppressed) if len(base.counts) > 4 * QUICKLY_SORTED else []
        self._share = 1.0

    def check(self, levels: Levels) -> Measured:
        """Measure a node on the whole table; where a bound proves that it fails, that is all that is found out."""
        rare = self._classes.surely_rare(levels, self._requirements.k)
        if rare > self._budget:
            return _at_least(rare)
        return measure(self._base, self._classes.of(levels), levels, self._requirements, self.penalties)

    def glance(self, levels: Levels) -> Measured | None:
        """Measure a node on the first part that holds whole classes of it, no closer than is needed to judge it."""
        part = next((part for part in self._parts if levels[part.column] <= part.level), None)
        if part is None:
            return None
        self._share = part.share
        rare = _at_least(part.classes.surely_rare(levels, self._requirements.k))
        if self.looks_lost(rare):
            return rare
        return measure(part.base, part.classes.of(levels), levels, self._requirements, self.penalties)

    def looks_lost(self, glanced: Measured) -> bool:
        """Return whether the part that was looked at last suppresses clearly more than its share."""
        return glanced.suppressed > _HOPELESS * self._share * self._budget


def _at_least(rare: int) -> Measured:
    """Return what is known of a node, and of all finer ones, when only so many people are known to be lost."""
    return Measured(suppressed=rare, bound_to_go=rare, extra=0.0, extra_bound=0.0, classes=0)


def _parts(base: BaseTable, maximum_suppressed: float) -> list[_Part]:
    """Return a part by each of the two columns that can be cut best."""
    wanted = min(max(_LEAST_SHARE, _BUDGETS * maximum_suppressed), 1.0)
    parts = []
    for column in range(len(base.layout.hierarchies)):
        if (cut := _groups(base, column)) is None:
            continue
        level, group = cut
        people = np.bincount(group, weights=base.counts) / base.people
        rows = _about(people, wanted)[group]
        share = float(base.counts[rows].sum() / base.people)
        if share <= 2 * wanted:
            parts.append((share, column, level, rows))
    # The coarser the level, the more nodes a part serves.
    parts.sort(
        key=lambda part: (
            base.layout.hierarchies[part[1]].levels - part[2],
            -len(base.layout.hierarchies[part[1]].keys),
        )
    )
    chosen = []
    for share, column, level, rows in parts[:2]:
        base_part = base.part(rows)
        chosen.append(_Part(column, level, base_part, Classes(base_part), share))
    return chosen


def _groups(base: BaseTable, column: int) -> tuple[int, NDArray[np.int64]] | None:
    """Return the coarsest level of a column with enough groups, and each combination's group there."""
    code = base.layout.prefix_codes[column]
    for level in range(base.layout.hierarchies[column].levels - 2, 0, -1):
        if len(np.unique(code.codes >> (code.bits - code.kept_bits[level]))) >= _LEAST_GROUPS:
            return level, base.layout.column_codes(base.keys, column) >> (code.bits - code.kept_bits[level])
    return None


def _about(people: NDArray[np.float64], wanted: float) -> NDArray[np.bool_]:
    """Choose groups, spread over the column, that together hold about the wanted share of the people."""
    chosen = np.zeros(len(people), dtype=bool)
    held = 0.0
    # Steps of the golden section visit the column evenly, wherever one stops.
    order = np.argsort((np.arange(len(people)) * 0.6180339887) % 1.0, kind="stable")
    for group in order:
        if people[group] > 0 and held + people[group] <= 1.25 * wanted:
            chosen[group] = True
            held += people[group]
        if held >= wanted:
            break
    return chosen
