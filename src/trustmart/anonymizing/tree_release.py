"""Publish a table by a tree: grown for a new epoch, or frozen and only repaired. Told as a paragraph."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustmart.anonymity.refining import refined, refined_floor
from trustmart.anonymity.table_measures import TableMeasures
from trustmart.anonymity.tree import (
    Repaired,
    Tree,
    boxes_of,
    class_counts,
    grow,
    leaf_counts,
    loss_of,
    loss_of_boxes,
    repair,
    route,
    routes_of,
)
from trustmart.anonymizing.config import ReleaseConfig
from trustmart.anonymizing.counting import check_enough, count_base, count_fallbacks
from trustmart.anonymizing.encoding_sql import Encoding, profile
from trustmart.anonymizing.files import TableFile, open_table
from trustmart.anonymizing.hierarchies import build_hierarchy
from trustmart.anonymizing.inspecting import inspect_release
from trustmart.anonymizing.publishing import write_whole
from trustmart.anonymizing.requirements import requirements_of
from trustmart.anonymizing.tree_sql import TreeRouting
from trustmart.errors import HierarchyFault, ReleaseFault
from trustmart.warehouse import Session


@dataclass(frozen=True, kw_only=True)
class TreeReleased:
    """What was done to a table. Counts, labels and digests only.

    repaired: the tree as it was published by, and what had to be pooled. leaves: classes with people.
    loss, loss_by_column: from 0 to 1. measures: of what is published, read back from the file.
    """

    repaired: Repaired
    leaves: int
    loss: float
    loss_by_column: dict[str, float]
    fallbacks: dict[str, int]
    measures: TableMeasures

    @property
    def tree(self) -> Tree:
        """Return the tree to keep for the nights to come."""
        return self.repaired.tree

    def as_dict(self) -> dict[str, Any]:
        """Return everything as scripts read it; the tree by its digest."""
        return {
            **self.measures.as_dict(),
            "method": "tree",
            "leaves": self.leaves,
            "nodes": len(self.tree.parents),
            "loss": self.loss,
            "loss_by_column": self.loss_by_column,
            "pooled_classes": self.repaired.pooled_classes,
            "relabelled": self.repaired.relabelled,
            "fallbacks": self.fallbacks,
            "digest": self.tree.digest,
            "hierarchies": {hierarchy.name: hierarchy.digest for hierarchy in self.tree.hierarchies},
        }


def release_by_tree(
    session: Session,
    table: TableFile,
    config: ReleaseConfig,
    output: Path,
    *,
    frozen: Tree | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> TreeReleased:
    """Publish every row at the labels of its leaf; raises AnonymizationError before anything is written.

    frozen: the tree of this epoch; without one a new tree is grown. It must be of the hierarchies that the
    configuration gives for this table, so declare their leaves. Of a table that is published `once` there is none.
    """
    if config.once and frozen is not None:
        raise ReleaseFault(["once: a table that is published once has no frozen tree; leave out once for later nights"])
    columns = list(config.quasi_identifiers)
    table.check_columns([*columns, *config.published])
    profiled = profile(session, table, columns)
    check_enough(profiled, config.minimum_class_size, table.path.name)
    on_step("building hierarchies")
    declared = [build_hierarchy(session, table, name, rule) for name, rule in config.quasi_identifiers.items()]
    hierarchies = [refined(hierarchy) for hierarchy in declared] if config.once else declared
    if frozen is not None and [h.digest for h in frozen.hierarchies] != [h.digest for h in hierarchies]:
        raise HierarchyFault("the frozen tree is of other hierarchies; declare their leaves, or begin a new epoch")
    asked = list(config.quasi_identifiers.values())
    lowest = [hierarchy.level(column.minimum_level) for hierarchy, column in zip(declared, asked, strict=True)]
    floor = refined_floor(declared, lowest) if config.once else lowest
    on_step("counting")
    base = count_base(session, table, hierarchies, list(config.sensitive), floor=floor, profiled=profiled)
    requirements = requirements_of(config, base.sensitive)
    on_step("growing" if frozen is None else "verifying")
    weights = {name: column.weight for name, column in config.quasi_identifiers.items()}
    reserve = 0 if config.once else config.reserve
    tree = frozen or grow(base, requirements, weights=list(weights.values()), floor=floor, reserve=reserve)
    counts = leaf_counts(base, route(routes_of(tree, base.layout), base))
    repaired = repair(tree, counts, requirements)
    on_step("writing")
    boxes = boxes_of(repaired.tree, base, counts.leaves, declared, lowest) if config.once else None
    routing = TreeRouting(Encoding(table, base.layout, profiled), repaired.tree, boxes)
    with routing.tables(session):
        write_whole(session, routing.published_rows(config.published), output, records=base.people)
    people = class_counts(repaired.tree, counts)
    loss, by_column = loss_of_boxes(boxes, people, weights) if boxes else loss_of(repaired.tree, people, weights)
    on_step("measuring what is published")
    published = open_table(session, output).relation
    return TreeReleased(
        repaired=repaired,
        leaves=int((people > 0).sum()),
        loss=loss,
        loss_by_column=by_column,
        fallbacks=count_fallbacks(base),
        measures=inspect_release(session, published, config, records_total=profiled.records),
    )
