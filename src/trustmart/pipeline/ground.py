"""A held mart as it stands: what it does not meet, how its columns are told, and how much coarser they could be."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.gates.attacks.levels import coarser_levels
from trustmart.gates.attacks.published import door_columns
from trustmart.gates.copies import Copies, failing
from trustmart.gates.measures_sql import candidate, candidate_columns, columns_of, quoted
from trustmart.gates.offenders import level_of
from trustmart.gates.requirement import Memory, Requirement
from trustmart.gates.suites import requirements
from trustmart.policy import Policy, Release, Tier
from trustmart.warehouse import Session


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A held mart, and what changes of it are measured against.

    levels: the level at which each column of microdata is told. trees: the hierarchies that policy declares. coarser:
    per column of a cube that the door makes, the names of the levels above the one at which it is told. standing: the
    released mart, for figures of held-back classes. failed: what the candidate does not meet.
    """

    session: Session
    copies: Copies
    policy: Policy
    mart: str
    memory: Memory
    standing: str | None
    trees: Mapping[str, Hierarchy]
    levels: Mapping[str, int]
    coarser: Mapping[str, tuple[str, ...]]
    failed: tuple[Requirement, ...]

    @property
    def release(self) -> Release:
        """Return what policy says of the mart."""
        return self.policy.releases[self.mart]

    @property
    def is_door_made(self) -> bool:
        """Return whether the door can make it anew from its records."""
        by_door = self.release.tier in (Tier.OPEN_CUBE, Tier.ANALYST_MICRODATA)
        return by_door and bool(door_columns(self.session, self.mart))


def ground_of(
    session: Session,
    policy: Policy,
    mart: str,
    memory: Memory,
    *,
    standing: str | None = None,
    held_by: Collection[str] | None = None,
) -> Ground:
    """Look at a held mart: what it does not meet, and how it is told. Raises what a check raises.

    held_by: the checks that the gate found it not to meet; all are asked where nobody says.
    """
    release, copies = policy.releases[mart], Copies(session, mart)
    copies.afresh()
    asked = [one for one in requirements(policy, mart, memory) if held_by is None or one.check in held_by]
    trees = _trees(policy, release) if release.is_microdata else {}
    return Ground(
        session=session,
        copies=copies,
        policy=policy,
        mart=mart,
        memory=memory,
        standing=standing,
        trees=trees,
        levels={name: level_in(copies, release, name, tree) for name, tree in trees.items()},
        coarser={} if release.is_microdata else _coarser(session, mart, release),
        failed=tuple(failing(copies, asked)),
    )


def _trees(policy: Policy, release: Release) -> dict[str, Hierarchy]:
    """Return the hierarchies of microdata; raises HierarchyFault."""
    return {
        name: declared_hierarchy(name, policy.hierarchies[published.hierarchy or ""], fallback=published.fallback)
        for name, published in release.quasi_identifiers.items()
    }


def _coarser(session: Session, mart: str, release: Release) -> dict[str, tuple[str, ...]]:
    """Return the levels above the one at which a cube tells each column; none where its own SQL makes it."""
    types = candidate_columns(session, mart)
    if release.tier is None:
        return {}
    return {
        name: tuple(coarser_levels(session, name, one.hierarchy, told_at(release, name), types.get(name, "")))
        for name, one in release.quasi_identifiers.items()
    }


def told_at(release: Release, column: str) -> str:
    """Return the level at which a cube tells a column; empty where it is told as its SQL says."""
    return release.coarser.get(column, ("", "", ""))[2]


def level_in(copies: Copies, release: Release, column: str, tree: Hierarchy) -> int:
    """Return at which level a column of microdata is told."""
    if column not in copies.columns():
        return tree.level(release.quasi_identifiers[column].minimum_level)
    labels = [row[0] for row in copies.rows(f"select distinct {quoted(column)} from {candidate(copies.mart)}")]
    return level_of(tree, labels, tree.level(release.quasi_identifiers[column].minimum_level))


def remembers(ground: Ground) -> bool:
    """Return whether it is known who was in which class before."""
    if not columns_of(ground.session, "releases_before") or not columns_of(ground.session, "members_before"):
        return False
    known = "select count(*) from restricted.main.releases_before where mart = ?"
    return bool(ground.session.value(known, [ground.mart]))
