"""Finer steps for a tree: between a label and its many children lie runs of neighbours, `1984 to 1986`.

Where the runs are cut is decided by the hierarchy alone, halfway, so that no cut tells anything about people.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from trustmart.anonymity.hierarchy import Hierarchy, check_tree
from trustmart.errors import HierarchyFault

# So many siblings are told apart in one step; more are halved first.
MOST_SIBLINGS = 4
BETWEEN = " to "

# Per node above: the places of the children that are together, in the hierarchy's order.
Runs = list[tuple[int, ...]]


# A calendar has tens of thousands of days, and every mart and attack asks for it again.
@lru_cache(maxsize=32)
def refined(hierarchy: Hierarchy) -> Hierarchy:
    """Return a hierarchy with levels of runs in between, under which no label has more than four children.

    Its own levels keep their names and labels; nulls and the fallback never join a run.
    Raises HierarchyFault where a run would read like another label.
    """
    names, labels, parents = [hierarchy.level_names[0]], [hierarchy.labels[0]], []
    said = {label for level in hierarchy.labels for label in level}
    for level, above in enumerate(hierarchy.parents):
        kin = np.bincount(above, minlength=len(hierarchy.labels[level + 1]))[np.asarray(above)].tolist()
        below: Runs = [(place,) for place in range(len(above))]
        new: set[str | None] = set()
        for step, runs in enumerate(reversed(_halvings(hierarchy, level)), 1):
            parents.append(_parents(below, runs))
            labels.append(tuple(_told(hierarchy, level, run, kin[run[0]]) for run in runs))
            names.append(f"{hierarchy.level_names[level]} runs {step}")
            new |= {label for label, run in zip(labels[-1], runs, strict=True) if 1 < len(run) < kin[run[0]]}
            below = runs
        if twice := len(said & new):
            raise HierarchyFault(f"{hierarchy.name}: {twice} labels read like a run of others; say them differently")
        said |= new
        parents.append(tuple(above[run[0]] for run in below))
        labels.append(hierarchy.labels[level + 1])
        names.append(hierarchy.level_names[level + 1])
    finer = replace(hierarchy, level_names=tuple(names), labels=tuple(labels), parents=tuple(parents))
    return check_tree(finer)


def _halvings(hierarchy: Hierarchy, level: int) -> list[Runs]:
    """Return the runs of a level's nodes, halved and halved again, the longest first; none where siblings are few."""
    strangers = 1 if hierarchy.fallback is None else 2
    known = len(hierarchy.labels[level]) - strangers
    siblings = _siblings(hierarchy.parents[level][:known])
    found: list[Runs] = []
    while any(len(run) > MOST_SIBLINGS for run in siblings):
        siblings = [half for run in siblings for half in _halved(run)]
        # Where a parent had few children from the start, its runs are the same on every such level.
        found.append(sorted([*siblings, *((known + stranger,) for stranger in range(strangers))]))
    return found


def _siblings(parents: Sequence[int]) -> Runs:
    """Return the places that have a parent together."""
    order = np.argsort(parents, kind="stable")
    cuts = np.flatnonzero(np.diff(np.asarray(parents)[order])) + 1
    return [tuple(run.tolist()) for run in np.split(order, cuts)] if len(order) else []


def _halved(run: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield a run's halves, the first the larger by one; a run that is short enough stays."""
    if len(run) <= MOST_SIBLINGS:
        yield run
        return
    middle = (len(run) + 1) // 2
    yield run[:middle]
    yield run[middle:]


def _parents(below: Runs, runs: Runs) -> tuple[int, ...]:
    """Return for each shorter run the longer one it lies in."""
    home = {place: number for number, run in enumerate(runs) for place in run}
    return tuple(home[run[0]] for run in below)


def _told(hierarchy: Hierarchy, level: int, run: tuple[int, ...], siblings: int) -> str | None:
    """Return a run's label: its first and its last; of all siblings, their parent's."""
    labels = hierarchy.labels[level]
    if len(run) == 1:
        return labels[run[0]]
    if len(run) == siblings:
        return hierarchy.labels[level + 1][hierarchy.parents[level][run[0]]]
    return f"{labels[run[0]]}{BETWEEN}{labels[run[-1]]}"


def refined_floor(hierarchies: Sequence[Hierarchy], floor: Sequence[int]) -> tuple[int, ...]:
    """Return where levels of hierarchies are in their refined ones."""
    pairs = zip(hierarchies, floor, strict=True)
    return tuple(refined(one).level(one.level_names[level]) for one, level in pairs)
