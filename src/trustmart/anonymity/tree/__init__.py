"""The laboratory tree: local recoding whose labels are those of the hierarchies, frozen for an epoch."""

from trustmart.anonymity.tree.boxes import Boxes, boxes_of, loss_of_boxes
from trustmart.anonymity.tree.epochs import (
    finest_levels,
    fits_tree,
    open_tree_epoch,
    pooled_further,
    raised_to,
    relabelled_share,
    tree_of,
)
from trustmart.anonymity.tree.growing import grow
from trustmart.anonymity.tree.repairing import LeafCounts, Repaired, class_counts, leaf_counts, loss_of, repair
from trustmart.anonymity.tree.routing import Routes, route, routes_of
from trustmart.anonymity.tree.shape import Tree

__all__ = [
    "Boxes",
    "LeafCounts",
    "Repaired",
    "Routes",
    "Tree",
    "boxes_of",
    "class_counts",
    "finest_levels",
    "fits_tree",
    "grow",
    "leaf_counts",
    "loss_of",
    "loss_of_boxes",
    "open_tree_epoch",
    "pooled_further",
    "raised_to",
    "relabelled_share",
    "repair",
    "route",
    "routes_of",
    "tree_of",
]
