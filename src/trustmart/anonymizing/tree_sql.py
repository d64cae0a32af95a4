"""Rows to the leaves of a frozen tree, in one statement: a join per step down, by the masked bits of a row's keys."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from trustmart.anonymity.tree import Boxes, Routes, Tree, routes_of
from trustmart.anonymizing.encoding_sql import Encoding
from trustmart.anonymizing.words import listed, quoted
from trustmart.warehouse import Session


@dataclass(frozen=True)
class TreeRouting:
    """How the rows of a table find their leaves.

    boxes: what classes are told by, where that is not the tree's own labels.
    """

    encoding: Encoding
    tree: Tree
    boxes: Boxes | None = None

    @cached_property
    def routes(self) -> Routes:
        """Return the tree's routes in the table's keys."""
        return routes_of(self.tree, self.encoding.layout)

    @contextmanager
    def tables(self, session: Session) -> Iterator[None]:
        """Let statements join codes, and the tree as `tree_nodes` (one row a node) and `tree_steps` (one a step)."""
        with self.encoding.codes(session):
            session.register("tree_nodes", self._nodes())
            session.register("tree_steps", self._steps())
            yield
            session.unregister("tree_steps")
            session.unregister("tree_nodes")

    def leaves(self) -> list[str]:
        """Return expressions that end in `routed`: each distinct combination of keys, with its `node`, a leaf."""
        names = self.encoding.key_names
        keys = [f"{expression} as {key}" for expression, key in zip(self.encoding.keys(), names, strict=True)]
        first = ", ".join(self._state("nodes"))
        found = [
            f"encoded as (select {listed(keys)} from {self.encoding.joined()})",
            f"step_0 as (select {listed(names)}, {first} from (select distinct {listed(names)} from encoded"
            f" where {names[0]} is not null) as combinations join tree_nodes as nodes on nodes.node = 0)",
        ]
        same = " | ".join(f"({key} & mask_{place})" for place, key in enumerate(names))
        kept = listed(f"here.{key}" for key in names)
        for step in range(1, self.routes.depth + 1):
            found.append(
                f"step_{step} as (select {kept}, {first} from step_{step - 1} as here left join tree_steps as steps"
                f" on steps.node = here.node and steps.prefix = ({same})"
                f" join tree_nodes as nodes on nodes.node = coalesce(steps.child, here.rest))"
            )
        return [*found, f"routed as (select {listed(names)}, node from step_{self.routes.depth})"]

    def published_rows(self, columns: Sequence[str]) -> str:
        """Return the statement that yields every row with the labels of its class."""
        names = [quoted(hierarchy.name) for hierarchy in self.tree.hierarchies]
        labels = [f"nodes.label_{column} as {name}" for column, name in enumerate(names)]
        plain = [f"source.{quoted(column)}" for column in columns]
        pairs = zip(self.encoding.key_names, self.encoding.keys(), strict=True)
        same = " and ".join(f"routed.{name} = ({key})" for name, key in pairs)
        return (
            f"with {', '.join(self.leaves())} select {listed(labels + plain)} from {self.encoding.joined()}"
            f" join routed on {same} join tree_nodes as leaves on leaves.node = routed.node"
            f" join tree_nodes as nodes on nodes.node = leaves.published_at"
        )

    def _state(self, nodes: str) -> list[str]:
        """Return what a row carries from step to step."""
        masks = [f"{nodes}.mask_{key} as mask_{key}" for key in range(self.encoding.layout.key_count)]
        return [f"{nodes}.node as node", f"{nodes}.rest as rest", *masks]

    def _nodes(self) -> pa.Table:
        """Return every node with its masks, its rest, where its people are published, and its labels."""
        routes, words = self.routes, self.tree.vocabulary
        content: dict[str, pa.Array] = {
            "node": pa.array(np.arange(len(routes.rests))),
            "rest": pa.array(routes.rests),
            "published_at": pa.array(self.tree.published_at),
        }
        for key in range(self.encoding.layout.key_count):
            content[f"mask_{key}"] = pa.array(np.where(routes.words == key, routes.masks, 0))
        texts = pa.array(words.texts, pa.string())
        for column in range(len(self.tree.hierarchies)):
            told = texts.take(pa.array(self.tree.labels[:, column]))
            content[f"label_{column}"] = pa.array(self.boxes.texts[column], pa.string()) if self.boxes else told
        return pa.table(content)

    def _steps(self) -> pa.Table:
        """Return every step down: from which node, what the masked keys must be, to which child."""
        routes = self.routes
        return pa.table({"node": routes.step_nodes, "prefix": routes.prefixes, "child": routes.children})
