"""All labels of all hierarchies in one list, so that the labels of many nodes are one array of numbers."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.encoding import KeyLayout
from trustmart.anonymity.hierarchy import Hierarchy

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Vocabulary:
    """Numbers for labels: column by column, level by level (finest first), place by place."""

    def __init__(self, hierarchies: Sequence[Hierarchy]) -> None:
        """Number every label."""
        self.hierarchies = tuple(hierarchies)
        sizes = [[len(labels) for labels in hierarchy.labels] for hierarchy in hierarchies]
        starts = np.cumsum([0, *(size for column in sizes for size in column)])
        self._starts: list[Ints] = []
        for column in sizes:
            self._starts.append(starts[: len(column)])
            starts = starts[len(column) :]
        self.size = int(starts[0])

    def number(self, column: int, level: int, place: int) -> int:
        """Return a label's number."""
        return int(self._starts[column][level]) + place

    @cached_property
    def roots(self) -> NDArray[np.int32]:
        """Return the numbers of `*` in each column, shape (columns,)."""
        numbers = [self.number(column, h.levels - 1, 0) for column, h in enumerate(self.hierarchies)]
        return np.array(numbers, dtype=np.int32)

    @cached_property
    def levels(self) -> Ints:
        """Return each label's level, shape (labels,)."""
        return self._per_level(lambda hierarchy, level: np.full(len(hierarchy.labels[level]), level))

    @cached_property
    def places(self) -> Ints:
        """Return each label's place in its level, shape (labels,)."""
        return self._per_level(lambda hierarchy, level: np.arange(len(hierarchy.labels[level])))

    @cached_property
    def penalties(self) -> Floats:
        """Return each label's penalty, from 0 (one leaf) to 1 (`*`), shape (labels,)."""
        return self._per_level(lambda hierarchy, level: (hierarchy.leaf_counts(level) - 1) / max(hierarchy.domain - 1, 1))

    @cached_property
    def numbers(self) -> dict[tuple[int, str, str | None], int]:
        """Return each label's number by its column, the name of its level, and what it says."""
        found = [
            (column, name, label)
            for column, hierarchy in enumerate(self.hierarchies)
            for name, labels in zip(hierarchy.level_names, hierarchy.labels, strict=True)
            for label in labels
        ]
        return {said: number for number, said in enumerate(found)}

    @cached_property
    def texts(self) -> list[str | None]:
        """Return what each label says."""
        return [label for hierarchy in self.hierarchies for labels in hierarchy.labels for label in labels]

    @cached_property
    def _parents(self) -> Ints:
        """Return the number of each label's parent; of `*` its own, shape (labels,)."""
        found = []
        for column, hierarchy in enumerate(self.hierarchies):
            for level, parents in enumerate(hierarchy.parents):
                found.append(self._starts[column][level + 1] + np.asarray(parents, dtype=np.int64))
            found.append(self.roots[column : column + 1].astype(np.int64))
        return np.concatenate(found)

    @cached_property
    def kids(self) -> tuple[Ints, Ints]:
        """Return where each label's children start in a list, shape (labels + 1,), and the list, in order of place."""
        below = np.flatnonzero(self._parents != np.arange(self.size))
        order = below[np.argsort(self._parents[below], kind="stable")]
        return np.searchsorted(self._parents[order], np.arange(self.size + 1)), order

    @cached_property
    def ranks(self) -> Ints:
        """Return how many siblings come before each label, shape (labels,); what a prefix code says of one step."""
        starts, order = self.kids
        ranks = np.zeros(self.size, dtype=np.int64)
        ranks[order] = np.arange(len(order)) - starts[self._parents[order]]
        return ranks

    def _per_level(self, of_level: object) -> NDArray:
        """Put together what is reckoned level by level."""
        parts = [of_level(hierarchy, level) for hierarchy in self.hierarchies for level in range(hierarchy.levels)]  # type: ignore[operator]
        return np.concatenate(parts)


class Steps:
    """One step down from a label, as bits of a key: which key, how far to the right, how many bits."""

    def __init__(self, vocabulary: Vocabulary, layout: KeyLayout) -> None:
        """Look at every level of every column; below the layout's floor there are no steps."""
        self.words, self.shifts, self.bits = (np.zeros(vocabulary.size, dtype=np.uint8) for _ in range(3))
        for column, (hierarchy, code) in enumerate(zip(layout.hierarchies, layout.prefix_codes, strict=True)):
            for level in range(1, hierarchy.levels):
                first = vocabulary.number(column, level, 0)
                labels = slice(first, first + len(hierarchy.labels[level]))
                self.words[labels] = layout.keys[column]
                below = code.bits - code.kept_bits[level - 1]
                self.shifts[labels] = min(layout.shifts[column] + below, 63)
                self.bits[labels] = code.kept_bits[level - 1] - code.kept_bits[level]
