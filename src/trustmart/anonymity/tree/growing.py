"""Grow a tree from the root down: split every node by the column that is widest, as long as everybody stays safe."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.models import Requirements
from trustmart.anonymity.search.node import BaseTable
from trustmart.anonymity.tree.judging import Bools, Groups, count_people, safe_groups
from trustmart.anonymity.tree.shape import REST, Tree
from trustmart.anonymity.tree.vocabulary import Ints, Steps, Vocabulary
from trustmart.errors import NoRecoding

# Slots, one per node and possible child, are numbered anew where there are so many more than rows.
_ROOMY = 8


@dataclass
class _Open:
    """The nodes that may still be split. Arrays with one line per node.

    nodes: their numbers, in the order of growing; labels, closed: per column; people: how many each holds.
    """

    nodes: Ints
    labels: NDArray[np.int32]
    closed: Bools
    people: Ints

    def only(self, wanted: Bools) -> "_Open":
        """Return some of the nodes."""
        return _Open(self.nodes[wanted], self.labels[wanted], self.closed[wanted], self.people[wanted])


def grow(
    base: BaseTable,
    requirements: Requirements,
    *,
    weights: Sequence[float] | None = None,
    floor: Sequence[int] | None = None,
    reserve: int = 0,
) -> Tree:
    """Return a tree in whose every leaf everybody is safe; nobody is suppressed.

    A node is split by its widest column (penalty of its label times the column's weight; of equals the first), one
    level down. Children that are not safe stay together as the rest; where that is not safe, the smallest of the
    others join it, one by one. A column by which a node cannot be split so is closed to everybody below it. After
    Wang, Yu, Chakraborty, "Bottom-up generalization", ICDM 2004, and Fung, Wang, Yu, "Top-down specialization", ICDE
    2005, made local: every node chooses for itself.

    weights, floor: per column. reserve: so many people above k are in
    every leaf but the root, that a few may leave before it must be repaired.
    Raises NoRecoding where not even everybody together is safe.
    """
    columns = len(base.layout.hierarchies)
    grower = _Grower(base, requirements, weights or [1.0] * columns, floor or [0] * columns, requirements.k + reserve)
    everybody = np.zeros(len(base.counts), dtype=np.int32)
    if not safe_groups(base, everybody, np.array([base.people]), requirements, requirements.k).all():
        raise NoRecoding(
            f"not even everybody together, * in every column, meets k = {requirements.k} and what is asked of"
            f" {len(requirements.sensitive)} sensitive columns; ask for less"
        )
    return grower.run()


class _Grower:
    """Round by round: each open node tries its widest column."""

    def __init__(
        self, base: BaseTable, asked: Requirements, weights: Sequence[float], floor: Sequence[int], least: int
    ) -> None:
        """Start with everybody at the root."""
        self._rows, self._asked, self._least = base, asked, least
        self._words = Vocabulary(base.layout.hierarchies, base.layout.absent)
        self._steps = Steps(self._words, base.layout)
        self._widths = self._widths_of(weights, floor)
        self._at = np.zeros(len(base.counts), dtype=np.int32)
        columns = len(base.layout.hierarchies)
        self._open = _Open(
            np.zeros(1, dtype=np.int64),
            self._words.roots[None, :].copy(),
            np.zeros((1, columns), dtype=bool),
            np.array([base.people]),
        )
        self._parents, self._gained = [np.array([-1])], [np.array([REST])]
        self._splits: list[tuple[Ints, Ints]] = []
        self._nodes = 1

    def run(self) -> Tree:
        """Split until no node has a column left."""
        while self._choose():
            self._split()
        splits = np.full(self._nodes, -1, dtype=np.int64)
        for nodes, columns in self._splits:
            splits[nodes] = columns
        parents, steps = np.concatenate(self._parents), np.concatenate(self._gained)
        order = preorder(parents)
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        parents = np.where(parents < 0, -1, number[np.maximum(parents, 0)])[order]
        tree = Tree(self._words.hierarchies, parents, splits[order], steps[order], np.arange(len(order)))
        return tree.pooled(tree.homes)

    def _widths_of(self, weights: Sequence[float], floor: Sequence[int]) -> NDArray[np.float64]:
        """Return how wide each label is; 0 where it must not, or need not, be refined."""
        found = self._words.penalties.copy()
        for column, (weight, low) in enumerate(zip(weights, floor, strict=True)):
            hierarchy = self._words.hierarchies[column]
            first, last = self._words.number(column, 0, 0), self._words.number(column, hierarchy.levels - 1, 0)
            found[first : last + 1] *= weight
            found[first : self._words.number(column, low + 1, 0) if low + 1 < hierarchy.levels else last + 1] = 0
        return found

    def _choose(self) -> bool:
        """Choose a column for each open node, and let go of those that have none; return whether some are left."""
        widths = np.where(self._open.closed, 0.0, self._widths[self._open.labels])
        self._column = widths.argmax(axis=1)
        some = widths.max(axis=1, initial=0) > 0
        if not some.all():
            self._column = self._column[some]
            number = np.where(some, np.cumsum(some) - 1, -1).astype(np.int32)
            self._keep_rows(number[self._at])
            self._open = self._open.only(some)
        return bool(some.any())

    def _keep_rows(self, at: NDArray[np.int32]) -> None:
        """Keep the rows of nodes that are still open."""
        stay = at >= 0
        self._at, self._rows = at[stay], self._rows.part(stay)

    def _split(self) -> None:
        """Split every open node by its column, or close the column."""
        label = self._open.labels[np.arange(len(self._column)), self._column]
        slots, slot_node, slot_rank = self._slots(label)
        people = count_people(slots, self._rows.counts, len(slot_node))
        some = np.flatnonzero(people)
        owner, size = slot_node[some], people[some]
        place = np.zeros(len(slot_node), dtype=np.int32)
        place[some] = np.arange(len(some))
        apart = safe_groups(self._rows, self._part_of(place, slots), size, self._asked, self._least)
        apart = self._pool(place, slots, owner, size, apart)
        self._grow(label, some, slots, slot_node, owner, size, slot_rank[some], apart)

    def _part_of(self, place: NDArray[np.int32], slots: Ints) -> Groups:
        """Return each row's child; only needed where models look at it."""
        return place[slots] if self._asked.sensitive else slots

    def _slots(self, label: Ints) -> tuple[Ints, Ints, Ints]:
        """Return each row's slot, and each slot's node and rank: a slot is a node and one of its possible children."""
        bits = self._steps.bits[label].astype(np.int64)
        width = np.int64(1) << bits
        first = np.cumsum(width) - width
        rank = self._ranks(label)
        total = int(width.sum())
        if total <= _ROOMY * len(self._at) + 1024:
            node = np.repeat(np.arange(len(label)), width)
            return first[self._at] + rank, node, np.arange(total) - first[node]
        pairs, slots = np.unique((self._at.astype(np.int64) << 32) | rank, return_inverse=True)
        return slots, pairs >> 32, pairs & 0xFFFFFFFF

    def _ranks(self, label: Ints) -> Ints:
        """Return the rank of each row's child."""
        shift, bits = self._steps.shifts[label].astype(np.int64), self._steps.bits[label].astype(np.int64)
        mask = (np.int64(1) << bits) - 1
        key = self._rows.keys[0]
        if len(self._rows.keys) > 1:
            key = np.choose(self._steps.words[label][self._at], self._rows.keys)
        return (key >> shift[self._at]) & mask[self._at]

    def _pool(self, place: NDArray[np.int32], slots: Ints, owner: Ints, size: Ints, apart: Bools) -> Bools:
        """Return which children stay apart: the smallest join a rest until it is safe, or nobody is left apart."""
        nodes = len(self._column)
        order = np.lexsort((np.arange(len(owner)), size, owner))
        while True:
            rest = count_people(owner[~apart], size[~apart], nodes)
            safe = self._safe_rests(place, slots, owner, apart, rest)
            wanting = (rest > 0) & ~safe
            waiting = order[apart[order] & wanting[owner[order]]]
            if not len(waiting):
                apart[wanting[owner]] = False
                return apart
            apart[waiting[np.unique(owner[waiting], return_index=True)[1]]] = False

    def _safe_rests(self, place: NDArray[np.int32], slots: Ints, owner: Ints, apart: Bools, rest: Ints) -> Bools:
        """Return whose rest may be published."""
        if not self._asked.sensitive:
            return rest >= self._least
        child = place[slots]
        rows = ~apart[child]
        return safe_groups(self._rows.part(rows), owner[child[rows]], rest, self._asked, self._least)

    def _grow(
        self,
        label: Ints,
        some: Ints,
        slots: Ints,
        slot_node: Ints,
        owner: Ints,
        size: Ints,
        rank: Ints,
        apart: Bools,
    ) -> None:
        """Add children and rests, and send the rows to them."""
        before, nodes = self._open, len(label)
        child_owner, child_rank, child_size = owner[apart], rank[apart], size[apart]
        split = np.zeros(nodes, dtype=bool)
        split[child_owner] = True
        parents = np.flatnonzero(split)
        starts, kids = self._words.kids
        gained = kids[starts[label[child_owner]] + child_rank]
        rest = before.people - np.bincount(child_owner, weights=child_size, minlength=nodes).astype(np.int64)
        first = self._nodes
        self._parents += [before.nodes[child_owner], before.nodes[parents]]
        self._gained += [gained, np.full(len(parents), REST)]
        self._splits.append((before.nodes[parents], self._column[parents]))
        self._nodes += len(child_owner) + len(parents)
        # The next open nodes: children, then rests and nodes that could not be split, with the column closed.
        stays = np.flatnonzero(rest > 0)
        numbers = before.nodes.copy()
        numbers[parents] = first + len(child_owner) + np.arange(len(parents))
        labels = np.concatenate((before.labels[child_owner], before.labels[stays]))
        labels[np.arange(len(child_owner)), self._column[child_owner]] = gained
        closed = np.concatenate((before.closed[child_owner], before.closed[stays]))
        closed[len(child_owner) + np.arange(len(stays)), self._column[stays]] = True
        self._open = _Open(
            np.concatenate((first + np.arange(len(child_owner)), numbers[stays])),
            labels,
            closed,
            np.concatenate((child_size, rest[stays])),
        )
        where = np.full(nodes, -1, dtype=np.int32)
        where[stays] = len(child_owner) + np.arange(len(stays))
        sent = where[slot_node]
        sent[some[apart]] = np.arange(len(child_owner))
        self._at = sent[slots]


def preorder(parents: Ints) -> Ints:
    """Return nodes in preorder, siblings in the order of their numbers; parents come before children in `parents`."""
    order = np.argsort(parents, kind="stable")
    starts = np.searchsorted(parents[order], np.arange(len(parents) + 1))
    generations, here = [], np.zeros(1, dtype=np.int64)
    while len(here):
        generations.append(here)
        counts = starts[here + 1] - starts[here]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        here = order[np.repeat(starts[here], counts) + within]
    sizes = np.ones(len(parents), dtype=np.int64)
    for nodes in reversed(generations[1:]):
        sizes += np.bincount(parents[nodes], weights=sizes[nodes], minlength=len(parents)).astype(np.int64)
    place = np.zeros(len(parents), dtype=np.int64)
    for nodes in generations[1:]:
        before = np.cumsum(sizes[nodes]) - sizes[nodes]
        group = np.concatenate(([True], parents[nodes][1:] != parents[nodes][:-1]))
        first = np.maximum.accumulate(np.where(group, np.arange(len(nodes)), 0))
        place[nodes] = place[parents[nodes]] + 1 + before - before[first]
    found = np.empty_like(place)
    found[place] = np.arange(len(place))
    return found
