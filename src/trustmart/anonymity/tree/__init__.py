"""The laboratory tree: local recoding whose labels are those of the hierarchies, frozen for an epoch."""

from trustmart.anonymity.tree.growing import grow
from trustmart.anonymity.tree.repairing import LeafCounts, Repaired, class_counts, leaf_counts, loss_of, repair
from trustmart.anonymity.tree.routing import Routes, route, routes_of
from trustmart.anonymity.tree.shape import Tree

__all__ = [
    "LeafCounts",
    "Repaired",
    "Routes",
    "Tree",
    "class_counts",
    "grow",
    "leaf_counts",
    "loss_of",
    "repair",
    "route",
    "routes_of",
]
