"""Verify every class of a tree on a later night, and pool those that are no longer safe: coarser, never finer."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trustmart.anonymity.models import Requirements
from trustmart.anonymity.search.histograms import Histogram
from trustmart.anonymity.search.judging import SensitiveColumn, judge
from trustmart.anonymity.search.node import BaseTable
from trustmart.anonymity.tree.judging import count_people, group_values
from trustmart.anonymity.tree.shape import Tree
from trustmart.anonymity.tree.vocabulary import Floats, Ints
from trustmart.errors import NoRecoding


@dataclass(frozen=True, eq=False)
class LeafCounts:
    """Who is in which leaf, in numbers.

    leaves, values, counts: per combination of leaf and sensitive values, shape (combinations,); values per column.
    sensitive: what the values stand for, and their shares of the whole table.
    """

    leaves: Ints
    counts: Ints
    values: Mapping[str, Ints]
    sensitive: Mapping[str, SensitiveColumn]


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """What a repair did.

    tree: as it may be published now. pooled_classes: how often a class was moved to the labels of one above.
    relabelled: people whose labels became coarser.
    """

    tree: Tree
    pooled_classes: int
    relabelled: int


def leaf_counts(base: BaseTable, leaves: Ints) -> LeafCounts:
    """Return the counts of a table whose combinations are in these leaves."""
    return LeafCounts(leaves, base.counts, base.values, base.sensitive)


def class_counts(tree: Tree, counts: LeafCounts) -> Ints:
    """Return how many people are published at each node's labels, shape (nodes,)."""
    return count_people(tree.published_at[counts.leaves], counts.counts, len(tree.parents))


def loss_of(tree: Tree, people: Ints, weights: Mapping[str, float] | None = None) -> tuple[float, dict[str, float]]:
    """Return the loss of a table, and each column's own. people: how many are published at each node's labels."""
    total = max(int(people.sum()), 1)
    penalties: Floats = tree.vocabulary.penalties
    names = [hierarchy.name for hierarchy in tree.hierarchies]
    some = np.flatnonzero(people)
    by_column = {
        name: float(people[some] @ penalties[tree.labels[some, column]]) / total for column, name in enumerate(names)
    }
    shares = {name: (weights or {}).get(name, 1.0) for name in names}
    return sum(by_column[name] * shares[name] for name in names) / sum(shares.values()), by_column


def repair(tree: Tree, counts: LeafCounts, requirements: Requirements) -> Repaired:
    """Return the tree with every class that is not safe pooled; untouched where all are.

    From the last node to the first, so that what is below comes before: the smallest class below a failing one joins
    it until it is safe; where there is none left, all of it goes to the parent's labels. All models are closed under
    union, so a safe class that nobody joins stays safe. Raises NoRecoding where not even everybody together is safe.
    """
    return _Repair(tree, counts, requirements).run()


class _Repair:
    """Pooling, node by node."""

    def __init__(self, tree: Tree, counts: LeafCounts, requirements: Requirements) -> None:
        """Count every class."""
        self._tree, self._counts, self._asked = tree, counts, requirements
        self._published = tree.published_at.copy()
        self._people = class_counts(tree, counts)
        self._tables = {name: self._spread(name) for name, models in requirements.sensitive.items() if models}
        self._pooled = 0

    def run(self) -> Repaired:
        """Visit the failing classes, the last first."""
        waiting = [-int(node) for node in self._failing()]
        heapq.heapify(waiting)
        where = np.arange(len(self._people)) if waiting else np.zeros(0, dtype=np.int64)
        while waiting:
            node = -heapq.heappop(waiting)
            if self._people[node] == 0 or self._is_safe(node):
                continue
            while not self._is_safe(node) and (smallest := self._smallest_below(node)) is not None:
                self._move(smallest, node, where)
            if not self._is_safe(node):
                if node == 0:
                    raise NoRecoding(
                        "the tree cannot be repaired: not even everybody together is safe any more; nothing is written"
                    )
                above = int(self._tree.homes[self._tree.parents[node]])
                self._move(node, above, where)
                heapq.heappush(waiting, -above)
        if not self._pooled:
            return Repaired(tree=self._tree, pooled_classes=0, relabelled=0)
        tree = self._tree.pooled(self._destinations(where))
        leaves = self._counts.leaves
        changed = tree.published_at[leaves] != self._published[leaves]
        relabelled = int(self._counts.counts[changed].sum())
        return Repaired(tree=tree, pooled_classes=self._pooled, relabelled=relabelled)

    def _destinations(self, where: Ints) -> Ints:
        """Return where each leaf is published now; a class may have moved several times."""
        while not np.array_equal(where, where[where]):
            where = where[where]
        return where[self._published]

    def _failing(self) -> Ints:
        """Return the classes that are not safe, in any order."""
        fails = (self._people > 0) & (self._people < self._asked.k)
        for name, (found, _) in self._tables.items():
            present = found.key_words[0][found.class_starts]
            for model in self._asked.sensitive[name]:
                fails[present[judge(model, found, self._counts.sensitive[name]).fails]] = True
        return np.flatnonzero(fails)

    def _spread(self, name: str) -> tuple[Histogram, dict[int, Ints]]:
        """Return every class's sensitive values; and room for those of classes that have been looked at."""
        classes = self._published[self._counts.leaves]
        domain = len(self._counts.sensitive[name].values)
        values = self._counts.values[name]
        return group_values(classes, values, self._counts.counts, len(self._people), domain), {}

    def _is_safe(self, node: int) -> bool:
        """Return whether a class may be published as it is now."""
        return self._people[node] >= self._asked.k and all(
            not judge(model, self._alone(name, node), self._counts.sensitive[name]).fails.any()
            for name in self._tables
            for model in self._asked.sensitive[name]
        )

    def _alone(self, name: str, node: int) -> Histogram:
        """Return one class's sensitive values as they are now."""
        values = self._values(name, node)
        some = np.flatnonzero(values)
        bits = max(int(len(values) - 1).bit_length(), 1)
        return Histogram((some,), values[some], bits)

    def _values(self, name: str, node: int) -> Ints:
        """Return how many people of a class have each sensitive value, shape (values,)."""
        found, seen = self._tables[name]
        if node not in seen:
            classes = found.key_words[0]
            rows = slice(*np.searchsorted(classes, [node, node + 1]))
            seen[node] = np.zeros(len(self._counts.sensitive[name].values), dtype=np.int64)
            seen[node][found.values[rows]] = found.counts[rows]
        return seen[node]

    def _smallest_below(self, node: int) -> int | None:
        """Return the class with the fewest people strictly below a node, of equals the first; None without one."""
        below = self._people[node + 1 : self._tree.ends[node]]
        some = np.flatnonzero(below)
        return node + 1 + int(some[np.argmin(below[some])]) if len(some) else None

    def _move(self, node: int, above: int, where: Ints) -> None:
        """Publish a class at the labels of a node above it."""
        where[node] = above
        self._pooled += 1
        for name in self._tables:
            self._tables[name][1][above] = self._values(name, above) + self._values(name, node)
            self._tables[name][1][node] = np.zeros_like(self._values(name, node))
        self._people[above] += self._people[node]
        self._people[node] = 0
