"""Send rows down a frozen tree: by the labels one level down that each node asks for, else to its rest."""

from dataclasses import dataclass

import numpy as np

from trustmart.anonymity.encoding import KeyLayout
from trustmart.anonymity.search.node import BaseTable
from trustmart.anonymity.tree.shape import REST, Tree
from trustmart.anonymity.tree.vocabulary import Ints, Steps, Vocabulary


@dataclass(frozen=True, eq=False)
class Routes:
    """A tree in the bits of a layout's keys, of one night's table.

    words, masks, shifts: per node, which key says where to go, its bits (0 at a leaf), and where the lowest lies.
    rests: per node, where everybody else goes; a leaf's own number.
    step_nodes, step_ranks, children: per step down its node, the rank among siblings that takes it, and its child;
        sorted by node and rank.
    """

    words: Ints
    masks: Ints
    shifts: Ints
    rests: Ints
    step_nodes: Ints
    step_ranks: Ints
    children: Ints
    depth: int

    @property
    def prefixes(self) -> Ints:
        """Return what the masked key is where a step is taken, shape (steps,)."""
        return self.step_ranks << self.shifts[self.step_nodes]


def routes_of(tree: Tree, layout: KeyLayout) -> Routes:
    """Return a tree's routes in the keys of a layout."""
    words_here = Vocabulary(tree.hierarchies, layout.absent)
    steps, inner = Steps(tree.vocabulary, layout), np.flatnonzero(tree.splits >= 0)
    words, masks, shifts = (np.zeros(len(tree.parents), dtype=np.int64) for _ in range(3))
    label = tree.labels[inner, tree.splits[inner]]
    words[inner], shifts[inner] = steps.words[label], steps.shifts[label]
    masks[inner] = ((np.int64(1) << steps.bits[label].astype(np.int64)) - 1) << shifts[inner]
    rests = np.arange(len(tree.parents))
    nodes = np.arange(1, len(tree.parents))
    is_rest = tree.steps[nodes] == REST
    rests[tree.parents[nodes[is_rest]]] = nodes[is_rest]
    # Where a label does not occur in the table, nobody takes the step, and its code may be another label's.
    down = nodes[~is_rest]
    down = down[words_here.occurs[tree.steps[down]]]
    ranks = words_here.ranks[tree.steps[down]]
    order = np.argsort(_steps(tree.parents[down], ranks))
    depth = len(tree.generations) - 1
    return Routes(words, masks, shifts, rests, tree.parents[down][order], ranks[order], down[order], depth)


def route(routes: Routes, base: BaseTable) -> Ints:
    """Return the leaf of each combination, shape (combinations,)."""
    at = np.zeros(len(base.counts), dtype=np.int64)
    known = _steps(routes.step_nodes, routes.step_ranks)
    moving = np.arange(len(at))
    # A step that every label has but one child for needs no bits: its mask is 0, and it is a step all the same.
    while len(moving := moving[routes.rests[at[moving]] != at[moving]]):
        here = at[moving]
        key = base.keys[0][moving]
        if len(base.keys) > 1:
            key = np.choose(routes.words[here], [word[moving] for word in base.keys])
        # The mask is moved down first: a key's highest bit is its sign.
        shifts = routes.shifts[here]
        width = (routes.masks[here] >> shifts) & _ones_below(shifts)
        wanted = _steps(here, (key >> shifts) & width)
        place = np.searchsorted(known, wanted)
        taken = place < len(known)
        taken[taken] = known[place[taken]] == wanted[taken]
        at[moving] = routes.rests[here]
        at[moving[taken]] = routes.children[place[taken]]
    return at


def _steps(nodes: Ints, ranks: Ints) -> Ints:
    """Return one number for each node and rank among siblings, in their order."""
    return (nodes << 32) | ranks


def _ones_below(shifts: Ints) -> Ints:
    """Return as many ones as there are bits left above a shift."""
    return np.where(shifts == 0, np.int64(-1), (np.int64(1) << (np.int64(64) - np.maximum(shifts, 1))) - 1)
