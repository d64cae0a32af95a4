"""All labels of all hierarchies in one list, so that the labels of many nodes are one array of numbers."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.encoding import KeyLayout, labels_that_occur
from trustmart.anonymity.hierarchy import Hierarchy

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Vocabulary:
    """Numbers for labels: column by column, level by level (finest first), place by place."""

    def __init__(self, hierarchies: Sequence[Hierarchy], absent: Sequence[Sequence[int]] | None = None) -> None:
        """Number every label. absent: per column, leaves that do not occur; they are nobody's children."""
        self.hierarchies = tuple(hierarchies)
        self._absent = absent if absent is not None else [()] * len(hierarchies)
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
        found = [np.full(len(labels), level) for h in self.hierarchies for level, labels in enumerate(h.labels)]
        return np.concatenate(found)

    @cached_property
    def penalties(self) -> Floats:
        """Return each label's penalty, from 0 (one leaf) to 1 (`*`), shape (labels,)."""
        found = [
            (h.leaf_counts(level) - 1) / max(h.domain - 1, 1) for h in self.hierarchies for level in range(h.levels)
        ]
        return np.concatenate(found)

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
    def occurs(self) -> NDArray[np.bool_]:
        """Return which labels have a leaf that occurs, shape (labels,)."""
        found = []
        for hierarchy, absent in zip(self.hierarchies, self._absent, strict=True):
            here = np.ones(hierarchy.domain, dtype=bool)
            here[list(absent)] = False
            found += [labels_that_occur(hierarchy, level, here) for level in range(hierarchy.levels)]
        return np.concatenate(found)

    @cached_property
    def kids(self) -> tuple[Ints, Ints]:
        """Return where each label's children start in a list, shape (labels + 1,), and the list, in order of place."""
        below = np.flatnonzero(self.occurs & (self._parents != np.arange(self.size)))
        order = below[np.argsort(self._parents[below], kind="stable")]
        return np.searchsorted(self._parents[order], np.arange(self.size + 1)), order

    @cached_property
    def ranks(self) -> Ints:
        """Return how many siblings come before each label, shape (labels,); what a prefix code says of one step."""
        starts, order = self.kids
        ranks = np.zeros(self.size, dtype=np.int64)
        ranks[order] = np.arange(len(order)) - starts[self._parents[order]]
        return ranks


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
