"""Generalization hierarchies as data: a tree per column, from exact values to `*`, all leaves at one depth."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trustmart.errors import HierarchyFault

ROOT = "*"

# How a value finds its leaf: by its text, by its day, or by which interval of a fixed width it falls into.
Matching = Literal["text", "day", "interval"]
LeafKey = str | int | date


@dataclass(frozen=True, kw_only=True)
class Hierarchy:
    """One column's tree. Level 0 is the finest, the last level is `*` alone.

    name: the column it is for; errors name it.
    level_names: one per level, finest first.
    labels: per level, the label of each node. None is the label of nulls, which are a leaf of their own.
    parents: per level but the last, for each node the place of its parent in the level above.
    keys: the leaf keys in the order of level 0, without the leaves for nulls and for values outside.
    fallback: the label of values that the hierarchy does not know, on every level below `*`; None refuses them.
    interval: the width of a leaf, where values are matched by interval.
    """

    name: str
    level_names: tuple[str, ...]
    labels: tuple[tuple[str | None, ...], ...]
    parents: tuple[tuple[int, ...], ...]
    keys: tuple[LeafKey, ...]
    matching: Matching = "text"
    fallback: str | None = None
    interval: float = 1

    @property
    def levels(self) -> int:
        """Return how many levels there are, exact and `*` included."""
        return len(self.labels)

    @property
    def domain(self) -> int:
        """Return how many leaves there are, those for nulls and for values outside included."""
        return len(self.labels[0])

    @property
    def null_leaf(self) -> int:
        """Return the leaf of nulls: the first after the known ones."""
        return len(self.keys)

    @property
    def outside_leaf(self) -> int | None:
        """Return the leaf of values outside the hierarchy, or None where they are refused."""
        return None if self.fallback is None else len(self.keys) + 1

    @cached_property
    def digest(self) -> str:
        """Return a SHA-256 of everything that decides what a value becomes."""
        keys = [key.isoformat() if isinstance(key, date) else key for key in self.keys]
        content = [self.matching, self.interval, self.fallback, self.level_names, self.labels, self.parents, keys]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    def level(self, wanted: str | int) -> int:
        """Return a level's number from its name or number; raises HierarchyFault."""
        if isinstance(wanted, int) and 0 <= wanted < self.levels:
            return wanted
        if wanted in self.level_names:
            return self.level_names.index(str(wanted))
        known = ", ".join(self.level_names)
        raise HierarchyFault(
            f"{self.name}: there is no level {wanted!r}; the levels are {known} (0 to {self.levels - 1})"
        )

    def leaf_counts(self, level: int) -> NDArray[np.int64]:
        """Return how many leaves lie under each node of a level, shape (nodes,)."""
        return np.bincount(self.ancestors(level), minlength=len(self.labels[level]))

    def ancestors(self, level: int) -> NDArray[np.int64]:
        """Return the place of each leaf's ancestor at a level, shape (leaves,)."""
        return self._ancestors[level]

    @cached_property
    def _ancestors(self) -> list[NDArray[np.int64]]:
        """Return the ancestors at every level."""
        found = [np.arange(self.domain)]
        for parents in self.parents:
            found.append(np.asarray(parents, dtype=np.int64)[found[-1]])
        return found

    def leaf_of(self, value: Any) -> int | None:
        """Return the leaf a value belongs to, or None where it is outside and no fallback is declared."""
        if value is None:
            return self.null_leaf
        key = self._key_of(value)
        return self._leaves.get(key, self.outside_leaf) if key is not None else self.outside_leaf

    def generalize(self, value: Any, level: int) -> str | None:
        """Return the label that stands for a value at a level; raises HierarchyFault for a value outside."""
        if (leaf := self.leaf_of(value)) is None:
            raise HierarchyFault(f"{self.name}: a value is outside the hierarchy and no fallback is declared")
        return self.labels[level][self.ancestors(level)[leaf]]

    @cached_property
    def _leaves(self) -> dict[LeafKey, int]:
        """Return each key's leaf."""
        return {key: leaf for leaf, key in enumerate(self.keys)}

    def _key_of(self, value: Any) -> LeafKey | None:
        """Return what a value is matched by, or None where it cannot be matched at all."""
        try:
            if self.matching == "day":
                return _day(value)
            if self.matching == "interval":
                return math.floor(float(value) / self.interval)
        except (ValueError, OverflowError):
            return None
        return str(value)


def _day(value: Any) -> date:
    """Return the day of a date, an instant (in UTC, if it has a zone) or an ISO text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).date()
    if isinstance(value, date):
        return value
    raise ValueError("no day")


def check_tree(hierarchy: Hierarchy) -> Hierarchy:
    """Return the hierarchy where it is a tree with distinct labels per level; raises HierarchyFault with counts."""
    name, faults = hierarchy.name, []
    if len(hierarchy.level_names) != hierarchy.levels or len(set(hierarchy.level_names)) != hierarchy.levels:
        faults.append("every level needs a name of its own")
    if hierarchy.labels[-1] != (ROOT,):
        faults.append(f"the last level is {ROOT} alone")
    for level, labels in enumerate(hierarchy.labels):
        if twice := sum(1 for times in Counter(labels).values() if times > 1):
            faults.append(f"{twice} labels of level {hierarchy.level_names[level]} stand for more than one node")
    if faults:
        raise HierarchyFault(f"{name}: this is no hierarchy: " + "; ".join(faults))
    return hierarchy


def assemble(
    name: str,
    keys: Sequence[LeafKey],
    columns: Sequence[Sequence[str]],
    *,
    level_names: Sequence[str],
    matching: Matching = "text",
    fallback: str | None = None,
    interval: float = 1,
) -> Hierarchy:
    """Build a hierarchy from each leaf's labels, level by level; add nulls, the fallback and `*`.

    columns: per level below `*`, one label per leaf in the order of `keys`.
    Raises HierarchyFault where it is not a tree: a label with two parents, or a label of the fallback's name.
    """
    strangers: list[str | None] = [None] if fallback is None else [None, fallback]
    nodes = list(range(len(keys) + len(strangers)))
    labels: list[tuple[str | None, ...]] = []
    parents: list[tuple[int, ...]] = []
    for level, column in enumerate([*columns, None]):
        above = [*column, *strangers] if column is not None else [ROOT] * len(nodes)
        places = {label: place for place, label in enumerate(dict.fromkeys(above))}
        here = [places[label] for label in above]
        if column is not None and fallback is not None and fallback in set(column):
            raise HierarchyFault(f"{name}: the fallback's label is also a label of level {level_names[level]}")
        if level:
            parents.append(_parents(name, nodes, here, len(labels[-1]), level_names[level - 1]))
        elif len(places) != len(nodes):
            raise HierarchyFault(f"{name}: {len(nodes) - len(places)} leaves occur more than once")
        labels.append(tuple(places))
        nodes = here
    return check_tree(
        Hierarchy(
            name=name,
            level_names=(*level_names, ROOT),
            labels=tuple(labels),
            parents=tuple(parents),
            keys=tuple(keys),
            matching=matching,
            fallback=fallback,
            interval=interval,
        )
    )


def _parents(name: str, nodes: Sequence[int], above: Sequence[int], size: int, level: str) -> tuple[int, ...]:
    """Return each node's parent; raises HierarchyFault where a node has two."""
    found: list[int | None] = [None] * size
    torn = set()
    for node, parent in zip(nodes, above, strict=True):
        if found[node] is not None and found[node] != parent:
            torn.add(node)
        found[node] = parent
    if torn:
        raise HierarchyFault(f"{name}: this is no tree: {len(torn)} labels of level {level} have more than one parent")
    return tuple(parent for parent in found if parent is not None)
