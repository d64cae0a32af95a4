"""The laboratory tree, slow and obvious: plain rows, plain dictionaries, the models one class at a time."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.utility import certainty_penalty

Rows = Sequence[Mapping[str, Any]]
# Per column: the level, and the place there.
Labels = tuple[tuple[int, int], ...]


@dataclass
class SlowNode:
    """A node: labels, the people it holds, by which column it is split, its children by place, and its rest."""

    labels: Labels
    rows: Rows
    closed: frozenset[int] = frozenset()
    split_by: int | None = None
    children: dict[int, "SlowNode"] = field(default_factory=dict)
    rest: "SlowNode | None" = None

    def leaves(self) -> Iterator["SlowNode"]:
        """Yield the leaves below."""
        if self.rest is None:
            yield self
            return
        for child in (*self.children.values(), self.rest):
            yield from child.leaves()


def is_safe(rows: Rows, everybody: Rows, asked: Requirements, least: int) -> bool:
    """Return whether these people may be published as one class."""
    if len(rows) < least:
        return False
    return all(
        model.holds(Counter(row[column] for row in rows), Counter(row[column] for row in everybody))
        for column, models in asked.sensitive.items()
        for model in models
    )


@dataclass(frozen=True)
class SlowTree:
    """How to grow, and to send rows down."""

    hierarchies: Sequence[Hierarchy]
    asked: Requirements
    weights: Sequence[float]
    floor: Sequence[int]
    reserve: int

    def grow(self, rows: Rows) -> SlowNode:
        """Grow from everybody at the root."""
        root = SlowNode(tuple((hierarchy.levels - 1, 0) for hierarchy in self.hierarchies), rows)
        self._split(root, rows)
        return root

    def route(self, root: SlowNode, row: Mapping[str, Any]) -> SlowNode:
        """Return the leaf a row goes to."""
        node = root
        while node.rest is not None and node.split_by is not None:
            level = node.labels[node.split_by][0] - 1
            node = node.children.get(self._place(node.split_by, level, row), node.rest)
        return node

    def says(self, labels: Labels) -> tuple[str | None, ...]:
        """Return labels as they are published."""
        return tuple(h.labels[level][place] for h, (level, place) in zip(self.hierarchies, labels, strict=True))

    def loss(self, node: SlowNode) -> float:
        """Return the weighed penalty of a node's labels."""
        return sum(self._width(node.labels, column) for column in range(len(self.hierarchies))) / sum(self.weights)

    def _place(self, column: int, level: int, row: Mapping[str, Any]) -> int:
        """Return where a row's label is at a level."""
        hierarchy = self.hierarchies[column]
        leaf = hierarchy.leaf_of(row[hierarchy.name])
        assert leaf is not None
        return int(hierarchy.ancestors(level)[leaf])

    def _width(self, labels: Labels, column: int) -> float:
        """Return a label's penalty times the column's weight."""
        hierarchy, (level, place) = self.hierarchies[column], labels[column]
        under = int(hierarchy.leaf_counts(level)[place])
        return certainty_penalty(under, hierarchy.domain) * self.weights[column]

    def _split(self, node: SlowNode, everybody: Rows) -> None:
        """Split a node by its widest column, and what comes of it; else by the next."""
        may = [c for c in range(len(self.floor)) if c not in node.closed and node.labels[c][0] > self.floor[c]]
        widths = {column: self._width(node.labels, column) for column in may}
        if not node.rows or max(widths.values(), default=0) <= 0:
            return
        column = max(may, key=lambda c: (widths[c], -c))
        level, least = node.labels[column][0] - 1, self.asked.k + self.reserve
        parts: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for row in node.rows:
            parts[self._place(column, level, row)].append(row)
        apart = sorted(
            (place for place, part in parts.items() if is_safe(part, everybody, self.asked, least)),
            key=lambda place: (len(parts[place]), place),
        )
        rest = [row for place, part in parts.items() if place not in apart for row in part]
        while rest and apart and not is_safe(rest, everybody, self.asked, least):
            rest += parts[apart.pop(0)]
        closed = node.closed | {column}
        if not apart:
            node.closed = closed
            self._split(node, everybody)
            return
        node.split_by = column
        for place in apart:
            labels = (*node.labels[:column], (level, place), *node.labels[column + 1 :])
            node.children[place] = SlowNode(labels, parts[place], node.closed)
        node.rest = SlowNode(node.labels, rest, closed)
        for child in (*node.children.values(), node.rest):
            self._split(child, everybody)
