"""Labels that end where a class ends: of a table that is published once, and never again.

A frozen tree must have a label for whoever comes tomorrow, so its labels reach over ground where nobody is today.
What is published once need not: each class is told from the first to the last label that somebody of it has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.refining import BETWEEN
from trustmart.anonymity.search.node import BaseTable
from trustmart.anonymity.tree.shape import Tree
from trustmart.anonymity.tree.vocabulary import Floats, Ints
from trustmart.errors import HierarchyFault

# A coarser level tells the ends where the label covers at most one leaf in so many more for it.
_SLACK = 16


@dataclass(frozen=True, eq=False)
class Boxes:
    """What each class is told by.

    texts: per column, the label of each node, shape (nodes,); of nodes without people the tree's own.
    penalties: of each label, from 0 to 1, shape (nodes, columns).
    """

    texts: tuple[list[str | None], ...]
    penalties: Floats


def boxes_of(tree: Tree, base: BaseTable, leaves: Ints, declared: Sequence[Hierarchy], floor: Sequence[int]) -> Boxes:
    """Return each class's labels: a node of a declared hierarchy, or a run of nodes of one level.

    leaves: of each combination, shape (combinations,). declared, floor: what the tree's refined hierarchies were
    made of, and the finest level allowed there. Who shares a class with nulls or strangers keeps the tree's label.
    Raises HierarchyFault where a run would read like a label that is there.
    """
    classes = tree.published_at[leaves]
    texts, penalties = [], tree.vocabulary.penalties[tree.labels]
    for column, (hierarchy, low) in enumerate(zip(declared, floor, strict=True)):
        order = _Order(hierarchy, low)
        first, last = _ends(base, column, order, classes, len(tree.parents))
        said: list[str | None] = [tree.vocabulary.texts[label] for label in tree.labels[:, column].tolist()]
        some = np.flatnonzero((last >= 0) & ((last < order.known) | (first == last)))
        labels, width = order.tell(first[some], last[some])
        penalties[some, column] = (width - 1) / max(hierarchy.domain - 1, 1)
        for node, label in zip(some.tolist(), labels, strict=True):
            said[node] = label
        texts.append(said)
    return Boxes(tuple(texts), penalties)


def loss_of_boxes(boxes: Boxes, people: Ints, weights: Mapping[str, float]) -> tuple[float, dict[str, float]]:
    """Return the loss of a table, and each column's own.

    people: how many are published at each node's labels. weights: of every column, in order.
    """
    found = (people @ boxes.penalties / max(int(people.sum()), 1)).tolist()
    loss = sum(one * weight for one, weight in zip(found, weights.values(), strict=True)) / sum(weights.values())
    return loss, dict(zip(weights, found, strict=True))


class _Order:
    """A hierarchy's nodes in the order of its branches, where whatever has a label together lies side by side."""

    def __init__(self, hierarchy: Hierarchy, low: int) -> None:
        """Order the leaves. low: the finest level that may be told."""
        self._hierarchy, self._low = hierarchy, low
        order = np.lexsort([hierarchy.ancestors(level) for level in range(hierarchy.levels)])
        self._along = [hierarchy.ancestors(level)[order] for level in range(hierarchy.levels)]
        self._turns = [np.flatnonzero(np.diff(nodes, prepend=-1)) for nodes in self._along]
        self.place = np.empty(hierarchy.domain, dtype=np.int64)
        self.place[order] = np.arange(hierarchy.domain)
        finest = self._along[low]
        # By number of the run of leaves that a node of the finest level allowed is.
        self.node = (np.cumsum(np.diff(finest, prepend=finest[0]) != 0))[self.place]
        strangers = [leaf for leaf in (hierarchy.null_leaf, hierarchy.outside_leaf) if leaf is not None]
        self.known = int(self.node[strangers].min())

    def tell(self, first: Ints, last: Ints) -> tuple[list[str | None], Ints]:
        """Return labels that cover nodes from the first to the last, and how many leaves each of them covers."""
        turns = self._turns[self._low]
        starts, ends = turns[first], np.append(turns, len(self.place))[last + 1]
        room = (ends - starts) + (ends - starts) // _SLACK
        # One node alone says what it is: a null stays null.
        level, width = np.where(first == last, self._low, -1), ends - starts
        for coarser in range(self._hierarchy.levels - 1, self._low - 1, -1):
            turns = np.append(self._turns[coarser], len(self.place))
            low = np.searchsorted(turns, starts, side="right") - 1
            high = np.searchsorted(turns, ends, side="left")
            covered = turns[high] - turns[low]
            fits = (level < 0) & (covered <= room)
            level[fits], width[fits] = coarser, covered[fits]
        pairs = zip(level.tolist(), starts.tolist(), (ends - 1).tolist(), strict=True)
        said = [self._said(*one) for one in pairs]
        known = {label for labels in self._hierarchy.labels for label in labels}
        if twice := len(known & {label for label, is_run in said if is_run}):
            name = self._hierarchy.name
            raise HierarchyFault(f"{name}: {twice} labels read like a run of others; say them differently")
        return [label for label, _ in said], width

    def _said(self, level: int, start: int, end: int) -> tuple[str | None, bool]:
        """Return the label from one leaf to another, both by their place in the order, and whether it is a run."""
        labels, along = self._hierarchy.labels[level], self._along[level]
        first, last = labels[along[start]], labels[along[end]]
        return (first, False) if along[start] == along[end] else (f"{first}{BETWEEN}{last}", True)


def _ends(
    base: BaseTable, column: int, order: _Order, classes: Ints, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each class's first and last node of a column, shape (classes,); -1 as the last where nobody is."""
    present = np.setdiff1d(np.arange(len(order.place)), np.array(base.layout.absent[column], dtype=np.int64))
    codes, at = np.unique(base.layout.prefix_codes[column].codes[present], return_index=True)
    nodes = order.node[present[at]][np.searchsorted(codes, base.layout.column_codes(base.keys, column))]
    first, last = np.full(size, len(order.place)), np.full(size, -1)
    np.minimum.at(first, classes, nodes)
    np.maximum.at(last, classes, nodes)
    return first, last
