"""Epochs of the laboratory tree: frozen routes; labels that are only pooled; a new epoch pools more, or grows anew."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from trustmart.anonymity.epochs import Epoch
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.tree.repairing import LeafCounts
from trustmart.anonymity.tree.shape import Tree


def open_tree_epoch(mart: str, tree: Tree, previous: Epoch | None, *, reason: str, loss: float) -> Epoch:
    """Freeze a tree as a mart's next epoch; where the one before is of the same routes, only its labels got coarser."""
    levels = finest_levels(tree)
    named = zip(tree.hierarchies, levels, strict=True)
    level_names = {one.name: f"{one.level_names[level]} or coarser" for one, level in named}
    return Epoch(
        mart=mart,
        number=previous.number + 1 if previous else 1,
        levels={one.name: level for one, level in zip(tree.hierarchies, levels, strict=True)},
        level_names=level_names,
        hierarchies={one.name: one.digest for one in tree.hierarchies},
        digest=tree.digest,
        reason=reason,
        notice=_notice(tree, previous, level_names),
        loss=loss,
        optimal=False,
        tree=_written(tree),
    )


def fits_tree(epoch: Epoch, hierarchies: Sequence[Hierarchy]) -> bool:
    """Return whether an epoch is of a tree, and that is of these columns, in this order, and these very hierarchies."""
    return epoch.tree is not None and epoch.fits(hierarchies) and epoch.tree["columns"] == [h.name for h in hierarchies]


def tree_of(epoch: Epoch, hierarchies: Sequence[Hierarchy]) -> Tree:
    """Return the tree of an epoch that fits, as it is pooled by now.

    Raises HierarchyFault where it is not as it was written.
    """
    content = epoch.tree or {}
    # The ledger keeps names in the order of the alphabet.
    ordered = {name: content["hierarchies"][name] for name in content["columns"]}
    return Tree.from_dict({**content, "hierarchies": ordered}, hierarchies)


def pooled_further(epoch: Epoch, tree: Tree) -> Epoch:
    """Return the epoch with its tree as it was published last; the epoch's own digest stays."""
    content = epoch.tree or {}
    return epoch if tree.digest == content["digest"] else replace(epoch, tree={**content, **tree.as_dict()})


def relabelled_share(epoch: Epoch, tree: Tree, counts: LeafCounts) -> float:
    """Return the share of people whom a tree tells more coarsely than it did when its epoch opened."""
    opened = {"pooled": (epoch.tree or {})["opened"], "digest": epoch.digest}
    before = tree_of(replace(epoch, tree={**(epoch.tree or {}), **opened}), tree.hierarchies)
    moved = tree.published_at[counts.leaves] != before.published_at[counts.leaves]
    return float(counts.counts[moved].sum() / max(counts.counts.sum(), 1))


def _written(tree: Tree) -> dict[str, Any]:
    """Return a tree as the ledger keeps it. opened: how far it was pooled when its epoch opened."""
    content = tree.as_dict()
    return {**content, "columns": [hierarchy.name for hierarchy in tree.hierarchies], "opened": content["pooled"]}


def finest_levels(tree: Tree) -> tuple[int, ...]:
    """Return the finest level that any node of a tree has, per column."""
    levels = tree.vocabulary.levels[tree.labels]
    return tuple(int(level) for level in levels.min(axis=0))


def raised_to(tree: Tree, floor: Sequence[int]) -> Tree:
    """Return the tree with every leaf published at the nearest node above whose labels are no finer than the floor."""
    allowed = np.all(tree.vocabulary.levels[tree.labels] >= np.array(floor), axis=1).astype(bool)
    nearest = tree.homes.copy()
    for nodes in tree.generations[1:]:
        nearest[nodes] = np.where(allowed[nodes], nearest[nodes], nearest[tree.homes[tree.parents[nodes]]])
    return tree.pooled(nearest[tree.published_at])


def _notice(tree: Tree, previous: Epoch | None, level_names: dict[str, str]) -> str:
    """Say in one sentence what a new epoch changes for those who read the mart."""
    told = ", ".join(f"{column}: {level}" for column, level in level_names.items())
    if previous is None:
        return f"First told by {told}."
    if not fits_tree(previous, tree.hierarchies):
        return f"Told by a new tree, because columns or hierarchies changed: {told}."
    published = tree_of(previous, tree.hierarchies).published_at
    moved = int((published[tree.leaves] != tree.published_at[tree.leaves]).sum())
    return f"{moved} of {len(tree.leaves)} groups are told more coarsely than before; none is told more finely."
