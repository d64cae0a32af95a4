"""A tree of labels, frozen: every leaf is a class, and the same row goes the same way on any night."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.tree.vocabulary import Ints, Vocabulary
from trustmart.errors import HierarchyFault

REST = -1


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes in preorder: the root is 0, every subtree is a run of numbers, parents come before children.

    A node that is split has a child for some of the labels one level down in one column, and last of all the *rest*:
    whoever has another label there. The rest keeps the labels of its parent and is never split by that column again.

    hierarchies: one per quasi-identifier.
    parents: each node's parent, the root's being -1, shape (nodes,).
    splits: the column a node is split by, -1 where it is a leaf, shape (nodes,).
    steps: the label (its number in the vocabulary) that a node has in the column its parent is split by, one level
        below the parent's; -1 for a rest and for the root, shape (nodes,).
    published_at: for each leaf the node whose labels its people carry: its own, or after a repair an ancestor's;
        of other nodes it means nothing, shape (nodes,).
    """

    hierarchies: tuple[Hierarchy, ...]
    parents: Ints
    splits: Ints
    steps: Ints
    published_at: Ints

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Return the numbers of all labels."""
        return Vocabulary(self.hierarchies)

    @cached_property
    def leaves(self) -> Ints:
        """Return the nodes that are not split."""
        return np.flatnonzero(self.splits < 0)

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """Return each node's labels, as numbers of the vocabulary, shape (nodes, columns)."""
        found = np.empty((len(self.parents), len(self.hierarchies)), dtype=np.int32)
        found[0] = self.vocabulary.roots
        for nodes in self.generations[1:]:
            parents = self.parents[nodes]
            found[nodes] = found[parents]
            finer = self.steps[nodes] != REST
            nodes, parents = nodes[finer], parents[finer]
            found[nodes, self.splits[parents]] = self.steps[nodes]
        return found

    @cached_property
    def homes(self) -> Ints:
        """Return for each node the node that owns its labels: itself, or of a rest the one it is the rest of."""
        homes = np.arange(len(self.parents))
        for nodes in self.generations[1:]:
            rests = nodes[self.steps[nodes] == REST]
            homes[rests] = homes[self.parents[rests]]
        return homes

    @cached_property
    def ends(self) -> Ints:
        """Return where each node's subtree ends: the first node after it."""
        ends = np.arange(len(self.parents)) + 1
        for nodes in reversed(self.generations[1:]):
            np.maximum.at(ends, self.parents[nodes], ends[nodes])
        return ends

    @cached_property
    def generations(self) -> tuple[Ints, ...]:
        """Return the nodes of each depth, the root first."""
        order = np.argsort(self.parents, kind="stable")
        starts = np.searchsorted(self.parents[order], np.arange(len(self.parents) + 1))
        found, here = [], np.zeros(1, dtype=np.int64)
        while len(here):
            found.append(here)
            counts = starts[here + 1] - starts[here]
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            here = order[np.repeat(starts[here], counts) + within]
        return tuple(found)

    @cached_property
    def digest(self) -> str:
        """Return a SHA-256 of the nodes, of where their people are published, and of everything in the hierarchies."""
        found = hashlib.sha256(json.dumps([[h.name, h.digest] for h in self.hierarchies]).encode())
        for content in (self.parents, self.splits, self.steps, self.published_at[self.leaves]):
            found.update(np.ascontiguousarray(content, dtype="<i8").tobytes())
        return found.hexdigest()

    def coarser_than(self, other: "Tree") -> bool:
        """Return whether every leaf is published at the same labels as in another state of the same tree, or above."""
        pairs = ((self.parents, other.parents), (self.splits, other.splits), (self.steps, other.steps))
        if not all(np.array_equal(here, there) for here, there in pairs):
            return False
        here, there = self.published_at[self.leaves], other.published_at[self.leaves]
        return bool(np.all((here <= there) & (there < self.ends[here])))

    def pooled(self, published_at: Ints) -> "Tree":
        """Return the tree with its leaves published elsewhere."""
        return replace(self, published_at=published_at)

    def as_dict(self) -> dict[str, Any]:
        """Return everything, nodes as labels with the names of their levels; no counts of people."""
        steps = np.flatnonzero(self.steps != REST)
        columns = self.splits[self.parents[steps]]
        labels = self.labels[steps, columns]
        names = [
            self.hierarchies[column].level_names[level]
            for column, level in zip(columns.tolist(), self.vocabulary.levels[labels].tolist(), strict=True)
        ]
        texts: list[str | None] = [None] * len(self.parents)
        levels: list[str | None] = [None] * len(self.parents)
        for node, label, name in zip(steps.tolist(), labels.tolist(), names, strict=True):
            texts[node], levels[node] = self.vocabulary.texts[label], name
        moved = self.leaves[self.published_at[self.leaves] != self.homes[self.leaves]]
        return {
            "hierarchies": {hierarchy.name: hierarchy.digest for hierarchy in self.hierarchies},
            "parent": self.parents.tolist(),
            "split_by": [None if c < 0 else self.hierarchies[c].name for c in self.splits.tolist()],
            "level": levels,
            "label": texts,
            "pooled": {str(leaf): int(self.published_at[leaf]) for leaf in moved.tolist()},
            "digest": self.digest,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], hierarchies: Sequence[Hierarchy]) -> "Tree":
        """Return the tree that `as_dict` wrote; raises HierarchyFault where hierarchies or digest are not the same."""
        known = {hierarchy.name: hierarchy.digest for hierarchy in hierarchies}
        if content["hierarchies"] != known or list(content["hierarchies"]) != list(known):
            raise HierarchyFault(
                "the tree was grown on other hierarchies; keep those it was grown on, or begin a new epoch"
            )
        columns = {hierarchy.name: column for column, hierarchy in enumerate(hierarchies)}
        parents = np.array(content["parent"], dtype=np.int64)
        splits = np.array([-1 if name is None else columns[name] for name in content["split_by"]], dtype=np.int64)
        found, numbers = [REST] * len(parents), Vocabulary(hierarchies).numbers
        for node, level in enumerate(content["level"]):
            if level is not None:
                column = int(splits[parents[node]])
                found[node] = numbers[column, level, content["label"][node]]
        tree = cls(tuple(hierarchies), parents, splits, np.array(found, dtype=np.int64), np.zeros(0, dtype=np.int64))
        published_at = tree.homes.copy()
        for leaf, node in content["pooled"].items():
            published_at[int(leaf)] = node
        tree = tree.pooled(published_at)
        if tree.digest != content["digest"]:
            raise HierarchyFault("the tree is not as it was written: its digest differs")
        return tree
