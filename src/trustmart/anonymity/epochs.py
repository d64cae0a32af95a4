"""Epochs: a recoding is fitted once and frozen, because one that follows the data every night gives people away.

Re-fitting after 1 % turnover relabels most untouched people, and two nights intersected single some out (ANONYMITY,
finding 4). Inside an epoch nothing changes; a new one may only be coarser, unless the hierarchies themselves changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.recoding import Recoding


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """A frozen recoding of one mart.

    number: from 1. levels, level_names, hierarchies (their digests): by column. digest: of the recoding.
    reason: why it was opened. notice: what changed, for those who read the mart. loss: when it was fitted, 0 to 1.
    tree: in the laboratory, the tree as it is pooled by now; levels are then the finest of any of its nodes.
    """

    mart: str
    number: int
    levels: Mapping[str, int]
    level_names: Mapping[str, str]
    hierarchies: Mapping[str, str]
    digest: str
    reason: str
    notice: str
    loss: float
    optimal: bool
    tree: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as the ledger keeps it."""
        return asdict(self)

    def fits(self, hierarchies: Sequence[Hierarchy]) -> bool:
        """Return whether it is about these columns and these very hierarchies."""
        return dict(self.hierarchies) == {one.name: one.digest for one in hierarchies}

    def recoding(self, hierarchies: Sequence[Hierarchy]) -> Recoding:
        """Return the recoding that it froze."""
        return Recoding(tuple(hierarchies), tuple(self.levels[one.name] for one in hierarchies))


def open_epoch(
    mart: str, recoding: Recoding, previous: Epoch | None, *, reason: str, loss: float, optimal: bool
) -> Epoch:
    """Freeze a recoding as a mart's next epoch."""
    names = [one.name for one in recoding.hierarchies]
    level_names = {
        one.name: one.level_names[level] for one, level in zip(recoding.hierarchies, recoding.levels, strict=True)
    }
    return Epoch(
        mart=mart,
        number=previous.number + 1 if previous else 1,
        levels=dict(zip(names, recoding.levels, strict=True)),
        level_names=level_names,
        hierarchies={one.name: one.digest for one in recoding.hierarchies},
        digest=recoding.digest,
        reason=reason,
        notice=notice_of(previous, level_names),
        loss=loss,
        optimal=optimal,
    )


def notice_of(previous: Epoch | None, level_names: Mapping[str, str]) -> str:
    """Say in one sentence what a new epoch changes for those who read the mart."""
    if previous is None:
        return "First told by " + ", ".join(f"{column}: {level}" for column, level in level_names.items()) + "."
    before = previous.level_names
    changed = [
        f"{column} is told by {_told(level)} (before: {_told(before[column]) if column in before else 'not at all'})"
        for column, level in level_names.items()
        if before.get(column) != level
    ]
    changed += [f"{column} is gone" for column in before if column not in level_names]
    return "; ".join(changed) + "." if changed else "The hierarchies changed; the levels are the same."


def newest_epoch(
    facts: Sequence[Mapping[str, Any]], mart: str, *, poolings: Sequence[Mapping[str, Any]] = ()
) -> Epoch | None:
    """Return a mart's newest epoch from what the ledger keeps, oldest first. poolings: what `pooling_of` returned."""
    found = [one for one in facts if one["mart"] == mart]
    if not found:
        return None
    epoch = Epoch(**found[-1])
    since = [one for one in poolings if (one["mart"], one["epoch"]) == (mart, epoch.number)]
    if epoch.tree is None or not since:
        return epoch
    return replace(epoch, tree={**epoch.tree, "pooled": since[-1]["pooled"], "digest": since[-1]["digest"]})


def pooling_of(epoch: Epoch) -> dict[str, Any]:
    """Return what the ledger keeps of a tree that was pooled inside its epoch: the tree itself stands there already."""
    tree = epoch.tree or {}
    return {"mart": epoch.mart, "epoch": epoch.number, "pooled": tree["pooled"], "digest": tree["digest"]}


def _told(level: str) -> str:
    """Name a level in a sentence."""
    return "nothing at all" if level == "*" else level
