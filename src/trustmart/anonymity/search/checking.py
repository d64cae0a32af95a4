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
class _Cut:
    """A table cut into parts that keep groups of one column whole, and so whole classes of every node that has them.

    share: of the people, in the first part.
    """

    column: int
    level: int
    parts: tuple[BaseTable, ...]
    classes: tuple[Classes, ...]
    share: float


class TableChecker:
    """Measures the nodes of one table."""

    def __init__(self, base: BaseTable, requirements: Requirements, weights: Sequence[float]) -> None:
        """Prepare; the table is cut only where it is large."""
        self.penalties = Penalties(base.layout, weights)
        self._base, self._requirements = base.one_by_one(), requirements
        self._classes = Classes(self._base)
        self._budget = requirements.maximum_suppressed * base.people
        is_large = len(base.counts) > 4 * QUICKLY_SORTED
        self._cuts = _cuts(self._base, requirements.maximum_suppressed) if is_large else []
        self._share = 1.0
        self._glanced: dict[Levels, float] = {}

    def check(self, levels: Levels) -> Measured:
        """Measure a node on the whole table; where a bound proves that it fails, that is all that is found out."""
        parts = self._parts(levels)
        # What was seen at a glance in the first part need not be looked at again.
        seen = self._glanced.get(levels) if len(parts) > 1 else None
        rare = seen or 0.0
        for classes in parts if seen is None else parts[1:]:
            rare += classes.surely_rare(levels, self._requirements.k)
            if rare > self._budget:
                return _at_least(rare)
        return measure(self._base, self._classes.of(levels), levels, self._requirements, self.penalties)

    def glance(self, levels: Levels) -> Measured | None:
        """Measure a node on the first part that holds whole classes of it, no closer than is needed to judge it."""
        cut = self._cut(levels)
        if cut is None:
            return None
        self._share = cut.share
        found = _at_least(cut.classes[0].surely_rare(levels, self._requirements.k))
        if not self.looks_lost(found):
            found = measure(cut.parts[0], cut.classes[0].of(levels), levels, self._requirements, self.penalties)
        self._glanced[levels] = found.bound_to_go
        return found

    def looks_lost(self, glanced: Measured) -> bool:
        """Return whether the part that was looked at last suppresses clearly more than its share."""
        return glanced.suppressed > _HOPELESS * self._share * self._budget

    def _cut(self, levels: Levels) -> _Cut | None:
        """Return the first cut whose parts hold whole classes of a node."""
        return next((cut for cut in self._cuts if levels[cut.column] <= cut.level), None)

    def _parts(self, levels: Levels) -> Sequence[Classes]:
        """Return what to look through for people who are surely rare: what fails is mostly seen in the first parts."""
        cut = self._cut(levels)
        is_quickly_known = self._classes.smallest(levels) <= QUICKLY_SORTED
        return [self._classes] if cut is None or is_quickly_known else cut.classes


def _at_least(rare: float) -> Measured:
    """Return what is known of a node, and of all finer ones, when only so many people are known to be lost."""
    return Measured(suppressed=int(rare), bound_to_go=rare, extra=0.0, extra_bound=0.0, classes=0)


def _cuts(base: BaseTable, maximum_suppressed: float) -> list[_Cut]:
    """Cut a table by each of the two columns that it can be cut by best."""
    wanted = min(max(_LEAST_SHARE, _BUDGETS * maximum_suppressed), 1.0)
    found = []
    for column in range(len(base.layout.hierarchies)):
        if (groups := _groups(base, column)) is None:
            continue
        level, group = groups
        part = _spread(np.bincount(group, weights=base.counts) / base.people, wanted)[group]
        share = float(base.counts[part == 0].sum() / base.people)
        if share <= 2 * wanted:
            found.append((column, level, part, share))
    # The coarser the level, the more nodes a cut serves.
    hierarchies = base.layout.hierarchies
    found.sort(key=lambda cut: (hierarchies[cut[0]].levels - cut[1], -len(hierarchies[cut[0]].keys)))
    return [_cut(base, column, level, part, share) for column, level, part, share in found[:2]]


def _cut(base: BaseTable, column: int, level: int, part: NDArray[np.uint8], share: float) -> _Cut:
    """Cut a table. part: which part each combination belongs to."""
    ordered = base.part(np.argsort(part, kind="stable")).one_by_one()
    ends = np.cumsum(np.bincount(part)).tolist()
    parts = tuple(ordered.part(slice(start, end)) for start, end in zip([0, *ends], ends, strict=False))
    return _Cut(column, level, parts, tuple(Classes(part) for part in parts), share)


def _groups(base: BaseTable, column: int) -> tuple[int, NDArray[np.int64]] | None:
    """Return the coarsest level of a column with enough groups, and each combination's group there."""
    code = base.layout.prefix_codes[column]
    for level in range(base.layout.hierarchies[column].levels - 2, 0, -1):
        if len(np.unique(code.codes >> (code.bits - code.kept_bits[level]))) >= _LEAST_GROUPS:
            return level, base.layout.column_codes(base.keys, column) >> (code.bits - code.kept_bits[level])
    return None


def _spread(people: NDArray[np.float64], wanted: float) -> NDArray[np.uint8]:
    """Give each group a part, so that a part's groups are spread over the column and hold about the wanted share."""
    part = np.zeros(len(people), dtype=np.uint8)
    # Steps of the golden section visit the column evenly, wherever one stops.
    left = [int(group) for group in np.argsort((np.arange(len(people)) * 0.6180339887) % 1.0, kind="stable")]
    number = 0
    while left:
        held, later, most = 0.0, [], max(1.25 * wanted, people[left].min())
        for group in left:
            if held < wanted and held + people[group] <= most:
                part[group], held = number, held + people[group]
            else:
                later.append(group)
        left, number = later, number + 1
    return part
