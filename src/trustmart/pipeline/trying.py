"""Try a change of a mart on a copy: made through the door where it needs the records, else on the candidate's copy."""

from collections.abc import Sequence
from dataclasses import replace

from trustmart.anonymity.epochs import Epoch, open_epoch
from trustmart.anonymity.hierarchy import ROOT
from trustmart.anonymity.moves import Change, ChangeKind, Move
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymizing.cubes import make_cube
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.microdata import make_microdata, recode_microdata
from trustmart.gates.attacks.published import text
from trustmart.gates.copies import failing, stands
from trustmart.gates.offenders import offenders
from trustmart.gates.requirement import Memory, Requirement
from trustmart.gates.suites import requirements
from trustmart.pipeline.ground import Ground, level_in, remembers
from trustmart.pipeline.move_loss import loss_of, told_coarser
from trustmart.policy import Policy, Release

# Suppressing changes the shares of all values, so that other classes may come to stand out.
_ROUNDS = 3


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
        if change.kind is ChangeKind.DROP_TOTALS:
            kept = tuple(margin for margin in release.margins if not _is_dropped(change, margin))
            release = release.model_copy(update={"margins": kept})
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
    found = [offenders(ground.copies, one, columns, ground.mart) for one in asked]
    return " or ".join(f"({one})" for one in found if one)


def _at_level(release: Release, column: str, level: str) -> Release:
    """Return a release that tells a column no finer than a level."""
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
    levels = {name: level_in(ground.copies, release, name, tree) for name, tree in ground.trees.items()}
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
        if change.kind is ChangeKind.DROP_TOTALS:
            ground.copies.drop_rows(_rows_of_totals(ground.release, change))
    return True


def _is_dropped(change: Change, margin: Sequence[str]) -> bool:
    """Return whether a change takes these totals away."""
    return change.column in ("*", ", ".join(margin))


def _rows_of_totals(release: Release, change: Change) -> str:
    """Return the condition of the rows that are totals which a change takes away."""
    sets = [set(margin) for margin in release.margins if _is_dropped(change, margin)]
    return " or ".join(
        "(" + " and ".join(f"{text(c)} {'<>' if c in one else '='} '*'" for c in release.quasi_identifiers) + ")"
        for one in sets
    )


def _needs_records(ground: Ground, change: Change) -> bool:
    """Return whether a change is one of what rows are made of."""
    if change.kind in (ChangeKind.MAKE_AGAIN, ChangeKind.COARSEN):
        return True
    if change.kind is ChangeKind.DROP_TOTALS:
        return ground.is_door_made  # with fewer totals, fewer cells have to hide what they give away
    made_of = {*ground.release.quasi_identifiers, *ground.release.sensitive, *ground.release.publish}
    return change.kind is ChangeKind.DROP and change.column in made_of and ground.is_door_made


def _through_the_door(ground: Ground, release: Release, *, fits: bool) -> Made | None:
    """Make the mart anew from its records, into the copies; None where too many would be left out.

    fits: whether a recoding may be fitted where the levels that stand leave too many out, as the door does at night.
    """
    copies = ground.copies
    copies.empty(told_coarser(ground.release, release))
    remembered = remembers(ground)
    places = {"records": copies.records, "target": copies.table, "members": copies.members}
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


def _release_with(ground: Ground, changes: Sequence[Change]) -> Release:
    """Return what policy would say of the changed mart."""
    return policy_with(ground.policy, ground.mart, changes).releases[ground.mart]


def _measured(ground: Ground, changes: tuple[Change, ...], before: Move) -> Move:
    """Say what a change costs."""
    _, suppressed = ground.copies.suppressed()
    dropped = {change.column for change in changes if change.kind is ChangeKind.DROP}
    return replace(
        before,
        changes=changes,
        loss_after=loss_of(ground.copies, ground.release, ground.trees, changed=_release_with(ground, changes)),
        suppressed_after=suppressed,
        columns_lost=len(dropped & set(ground.release.columns)),
    )
