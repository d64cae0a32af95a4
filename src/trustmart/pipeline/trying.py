"""Try a change of a mart on a copy: made through the door where it needs the records, else on the candidate's copy."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.epochs import Epoch, open_epoch
from trustmart.anonymity.hierarchy import ROOT, Hierarchy
from trustmart.anonymity.moves import Change, ChangeKind, Move
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymizing.cubes import make_cube
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.microdata import make_microdata, recode_microdata
from trustmart.gates.attacks.published import door_columns, records_of
from trustmart.gates.copies import Copies, failing, stands
from trustmart.gates.measures_sql import candidate, columns_of, quoted
from trustmart.gates.offenders import level_of, offenders
from trustmart.gates.requirement import Memory, Requirement
from trustmart.gates.suites import requirements
from trustmart.pipeline.move_loss import loss_of
from trustmart.policy import Policy, Release, Tier
from trustmart.warehouse import Session

# Suppressing changes the shares of all values, so that other classes may come to stand out.
_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A held mart, and what changes of it are measured against.

    levels: the level at which each column of microdata is told. trees: the hierarchies that policy declares. standing:
    the released mart, for figures of held-back classes. failed: what the candidate does not meet.
    """

    session: Session
    copies: Copies
    policy: Policy
    mart: str
    memory: Memory
    standing: str | None
    trees: Mapping[str, Hierarchy]
    levels: Mapping[str, int]
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
        levels={name: _level(copies, release, name, tree) for name, tree in trees.items()},
        failed=tuple(failing(copies, asked)),
    )


def attempt(ground: Ground, changes: tuple[Change, ...], before: Move) -> Move | None:
    """Change a copy and ask the gate of it; None where the change cannot be made, or leaves too many out.

    before: the candidate as it stands (`as_it_stands`).
    """
    policy = policy_with(ground.policy, ground.mart, changes)
    release = policy.releases[ground.mart]
    if not _make(ground, release, changes):
        return None
    asked = requirements(policy, ground.mart, _memory(ground, release))
    if any(one.kind is ChangeKind.SUPPRESS for one in changes) and not _suppress(ground, release, asked):
        return None
    stood = stands(ground.copies, asked, {one.check for one in ground.failed})
    return replace(_measured(ground, changes, before), releases=stood)


def policy_with(policy: Policy, mart: str, changes: Sequence[Change]) -> Policy:
    """Return the policy in which a mart is coarser, or without a column. What is suppressed is no matter of policy."""
    release = policy.releases[mart]
    for change in changes:
        if change.kind is ChangeKind.COARSEN:
            release = _at_level(release, change.column, change.to_level)
        if change.kind is ChangeKind.DROP:
            release = _without(release, change.column)
    return policy.model_copy(update={"releases": {**policy.releases, mart: release}})


def as_it_stands(ground: Ground) -> Move:
    """Measure the candidate itself: a move that changes nothing."""
    ground.copies.afresh()
    _, suppressed = ground.copies.suppressed()
    loss = loss_of(ground.copies, ground.release, ground.trees)
    return Move(
        changes=(), loss_before=loss, loss_after=loss, suppressed_before=suppressed, suppressed_after=suppressed
    )


def rows_found(ground: Ground, release: Release, asked: Sequence[Requirement]) -> str:
    """Return the condition on the copy's rows that failing checks found; empty where they found no rows."""
    columns = list(release.quasi_identifiers)
    found = [offenders(ground.copies, one, columns) for one in asked]
    return " or ".join(f"({one})" for one in found if one)


def _trees(policy: Policy, release: Release) -> dict[str, Hierarchy]:
    """Return the hierarchies of microdata; raises HierarchyFault."""
    return {
        name: declared_hierarchy(name, policy.hierarchies[published.hierarchy or ""], fallback=published.fallback)
        for name, published in release.quasi_identifiers.items()
    }


def _level(copies: Copies, release: Release, column: str, tree: Hierarchy) -> int:
    """Return at which level a column is told."""
    if column not in copies.columns():
        return tree.level(release.quasi_identifiers[column].minimum_level)
    labels = [row[0] for row in copies.rows(f"select distinct {quoted(column)} from {candidate(copies.mart)}")]
    return level_of(tree, labels, tree.level(release.quasi_identifiers[column].minimum_level))


def _at_level(release: Release, column: str, level: str) -> Release:
    """Return a release of microdata that tells a column no finer than a level."""
    told = release.quasi_identifiers[column].model_copy(update={"minimum_level": level})
    return release.model_copy(update={"quasi_identifiers": {**release.quasi_identifiers, column: told}})


def _without(release: Release, column: str) -> Release:
    """Return a release without a column; in microdata a quasi-identifier stays, and says `*` of everybody."""
    if release.is_microdata and column in release.quasi_identifiers:
        return _at_level(release, column, ROOT)
    kept = {
        kind: {name: one for name, one in getattr(release, kind).items() if name != column}
        for kind in ("quasi_identifiers", "measures", "sensitive", "publish")
    }
    whole = set(kept["quasi_identifiers"])
    margins = dict.fromkeys(tuple(name for name in margin if name != column) for margin in release.margins)
    return release.model_copy(update={**kept, "margins": tuple(one for one in margins if set(one) != whole)})


def _memory(ground: Ground, release: Release) -> Memory:
    """Return what the gate remembers: labels of another level begin a new epoch."""
    levels = {name: _level(ground.copies, release, name, tree) for name, tree in ground.trees.items()}
    if levels == ground.levels and release.quasi_identifiers == ground.release.quasi_identifiers:
        return ground.memory
    epochs = {mart: one for mart, one in ground.memory.epochs.items() if mart != ground.mart}
    return replace(ground.memory, epochs=epochs)


def _make(ground: Ground, release: Release, changes: Sequence[Change]) -> bool:
    """Make the changed mart in the copies; return whether it could be made."""
    if any(_needs_records(ground, change) for change in changes):
        fits = any(change.kind is ChangeKind.MAKE_AGAIN for change in changes)
        made = _through_the_door(ground, release, fits=fits)
        if made is not None:
            ground.copies.say_suppressed(made.people_total, made.people_suppressed)
        return made is not None
    ground.copies.afresh()
    for change in changes:
        if change.kind is ChangeKind.DROP:
            ground.copies.drop_column(change.column)
    return True


def _needs_records(ground: Ground, change: Change) -> bool:
    """Return whether a change is one of what rows are made of."""
    if change.kind in (ChangeKind.MAKE_AGAIN, ChangeKind.COARSEN):
        return True
    made_of = {*ground.release.quasi_identifiers, *ground.release.sensitive, *ground.release.publish}
    return change.kind is ChangeKind.DROP and change.column in made_of and ground.is_door_made


def _through_the_door(ground: Ground, release: Release, *, fits: bool) -> Made | None:
    """Make the mart anew from its records, into the copies; None where too many would be left out.

    fits: whether a recoding may be fitted where the levels that stand leave too many out, as the door does at night.
    """
    copies = ground.copies
    copies.empty()
    remembered = _remembers(ground)
    places = {"records": records_of(ground.mart), "target": copies.table, "members": copies.members}
    # A standing mart with other columns or labels has no figures for the classes of this one.
    standing = ground.standing if release.quasi_identifiers == ground.release.quasi_identifiers else None
    if not release.is_microdata:
        return make_cube(
            ground.session, mart=ground.mart, release=release, standing=standing, history=remembered, **places
        )
    epoch = _epoch(ground, release)
    make = make_microdata if fits else recode_microdata
    made = make(
        ground.session,
        mart=ground.mart,
        release=release,
        rules=ground.policy.hierarchies,
        epoch=epoch,
        standing=standing,
        has_history=remembered,
        **places,
    )
    return made[0] if made else None


def _epoch(ground: Ground, release: Release) -> Epoch:
    """Return a recoding that tells each column at its level, or at the finest that the release allows."""
    levels = tuple(
        max(ground.levels[name], tree.level(release.quasi_identifiers[name].minimum_level))
        for name, tree in ground.trees.items()
    )
    recoding = Recoding(tuple(ground.trees.values()), levels)
    return open_epoch(ground.mart, recoding, None, reason="tried", loss=0.0, optimal=False)


def _remembers(ground: Ground) -> bool:
    """Return whether it is known who was in which class before."""
    if not columns_of(ground.session, "releases_before") or not columns_of(ground.session, "members_before"):
        return False
    known = "select count(*) from restricted.main.releases_before where mart = ?"
    return bool(ground.session.value(known, [ground.mart]))


def _suppress(ground: Ground, release: Release, asked: Sequence[Requirement]) -> bool:
    """Do without the rows that checks find, until they find none; return whether there were any."""
    left = 0
    for _ in range(_ROUNDS):
        condition = rows_found(ground, release, failing(ground.copies, _with_rows(ground, asked)))
        if not condition:
            break
        left += ground.copies.suppress(condition, list(release.quasi_identifiers), release.class_size)
    return left > 0


def _with_rows(ground: Ground, asked: Sequence[Requirement]) -> list[Requirement]:
    """Return the checks that failed, with the arguments that the changed mart is asked with."""
    failed = {one.check for one in ground.failed}
    return [one for one in asked if one.check in failed]


def _measured(ground: Ground, changes: tuple[Change, ...], before: Move) -> Move:
    """Say what a change costs."""
    _, suppressed = ground.copies.suppressed()
    dropped = {change.column for change in changes if change.kind is ChangeKind.DROP}
    return replace(
        before,
        changes=changes,
        loss_after=loss_of(ground.copies, ground.release, ground.trees),
        suppressed_after=suppressed,
        columns_lost=len(dropped & set(ground.release.columns)),
    )
