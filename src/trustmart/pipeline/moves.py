"""What would release a held mart most cheaply: changes are tried on copies, and the gate is asked of each."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from trustmart.anonymity.hierarchy import ROOT
from trustmart.anonymity.moves import Change, ChangeKind, Move, cheapest
from trustmart.anonymity.utility import certainty_penalty
from trustmart.errors import TrustmartError
from trustmart.gates import GateReport, Memory
from trustmart.gates.copies import Seen, seen_of
from trustmart.gates.measures_sql import candidate_columns
from trustmart.pipeline.context import Context
from trustmart.pipeline.door import standing_mart
from trustmart.pipeline.trying import Ground, as_it_stands, attempt, ground_of, rows_found
from trustmart.policy import Policy, Release
from trustmart.warehouse import Session, Zone

MOST_TRIED, MOST_SECONDS = 24, 20.0
_MAKE_AGAIN, _SUPPRESS = Change(kind=ChangeKind.MAKE_AGAIN), Change(kind=ChangeKind.SUPPRESS)
_Tried = tuple[tuple[Change, ...], Move | None]
# What no change of the mart mends: the memory of earlier releases, and what was drawn and paid for.
_NOT_OF_THE_MART = frozenset({"whole_history", "drawn_cells"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What was tried for a held mart. why_none: why nothing was tried, or nothing releases it."""

    moves: tuple[Move, ...] = ()
    tried: int = 0
    ended_early: bool = False
    why_none: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as the release's report has it."""
        return {
            "moves": [move.as_dict() for move in self.moves],
            "moves_tried": self.tried,
            "moves_ended_early": self.ended_early,
            "no_moves_because": self.why_none,
        }


# What a report says until the search has ended, and for good where it was broken off.
NOT_SOUGHT = Sought(why_none="nobody has looked for one yet; to look: trustmart release").as_dict()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCandidate:
    """A held mart as the gate saw it. held_by: the checks that it does not meet. seen: None where nothing was seen."""

    mart: str
    held_by: tuple[str, ...]
    seen: Seen | None


def held_candidates(
    context: Context, reports: Sequence[GateReport], not_built: Collection[str]
) -> tuple[HeldCandidate, ...]:
    """Take down which candidates are held, for a search that begins when others may have made new ones."""
    held = [report for report in reports if report.held]
    inspected = [report.mart for report in held if report.mart not in not_built]
    seen: dict[str, Seen] = {}
    if inspected:
        with suppress(TrustmartError), context.warehouse.session(reads=["restricted"]) as session:
            seen = {mart: seen_of(session, mart) for mart in inspected}
    return tuple(HeldCandidate(mart=report.mart, held_by=report.held_by, seen=seen.get(report.mart)) for report in held)


def moves_of_held(context: Context, held: Sequence[HeldCandidate], memory: Memory) -> dict[str, dict[str, Any]]:
    """Return, for every held mart, what would release it. Never raises: a mart is held with or without advice.

    Others have to wait for one mart's search at the longest.
    """
    return {one.mart: _moves_of(context, one, memory).as_dict() for one in held}


def _moves_of(context: Context, held: HeldCandidate, memory: Memory) -> Sought:
    """Return what would release one mart, if it still is what was held."""
    if held.seen is None:
        return Sought(why_none="it was not inspected: first follow the reason above")
    has_released = context.warehouse.path("anonymized").exists()
    zones: list[Zone] = ["restricted", "anonymized"] if has_released else ["restricted"]
    try:
        with context.warehouse.session(reads=zones) as session:
            if seen_of(session, held.mart) != held.seen:
                return Sought(why_none="its candidate was made anew since; to look at that: trustmart release")
            standing = standing_mart(session, held.mart, context.policy.releases[held.mart]) if has_released else None
            return seek(session, context.policy, held.mart, memory, standing=standing, held_by=held.held_by)
    except TrustmartError as error:
        return Sought(why_none=f"the warehouse could not be read ({type(error).__name__})")


def seek(
    session: Session,
    policy: Policy,
    mart: str,
    memory: Memory,
    *,
    standing: str | None = None,
    held_by: Collection[str] | None = None,
    clock: Callable[[], float] = time.monotonic,
    seconds: float = MOST_SECONDS,
    most: int = MOST_TRIED,
) -> Sought:
    """Return the three cheapest changes that release a held mart, each tried on a copy in the engine's memory.

    standing: full name of the released mart. held_by: the checks that it did not meet, where they are known. seconds,
    most: when to stop trying. Never raises; what breaks releases nothing.
    """
    until = clock() + seconds
    if why := _hopeless(session, policy, mart):
        return Sought(why_none=why)
    try:
        ground = ground_of(session, policy, mart, memory, standing=standing, held_by=held_by)
    except Exception as error:  # noqa: BLE001 - advice only; its message may quote a value
        return Sought(why_none=f"it could not be looked into ({type(error).__name__})")
    try:
        return _hopeless_findings(ground) or _try_all(ground, lambda: clock() < until, most)
    finally:
        ground.copies.drop()


def _hopeless(session: Session, policy: Policy, mart: str) -> str:
    """Say why no change can be tried; empty where one can."""
    release = policy.releases[mart]
    if release.noise or release.learned:
        return "what is noisy or learned is changed by its entry in policy/releases.yml alone"
    if not candidate_columns(session, mart):
        return "there is no candidate to change"
    return ""


def _hopeless_findings(ground: Ground) -> Sought | None:
    """Say that what holds the mart is not in the mart; None where it is."""
    failed = {one.check for one in ground.failed}
    if not failed:
        return Sought(why_none="nothing in the mart itself holds it")
    if failed & _NOT_OF_THE_MART:
        return Sought(why_none="no change of the mart mends its history: first follow the reason above")
    return None


def _try_all(ground: Ground, in_time: Callable[[], bool], most: int) -> Sought:
    """Try single changes, the cheapest estimates first; pairs only where no single one releases the mart."""
    before, early = as_it_stands(ground), False
    tried: list[_Tried] = []
    for plan in (_singles, _pairs):
        for changes in plan(ground):
            if early := not in_time() or len(tried) >= most:
                break
            if not _is_needless(changes, tried):
                tried.append((changes, _tried(ground, changes, before)))
        found = cheapest(move for _, move in tried if move)
        if found or early:
            break
    why = "" if found else "no change that was tried releases it"
    return Sought(moves=found, tried=len(tried), ended_early=early, why_none=why)


def _tried(ground: Ground, changes: tuple[Change, ...], before: Move) -> Move | None:
    """Try one change; what breaks on the way releases nothing."""
    try:
        return attempt(ground, changes, before)
    except Exception:  # noqa: BLE001 - fail closed: a change that cannot be tried is no advice
        return None


def _is_needless(changes: tuple[Change, ...], tried: Sequence[_Tried]) -> bool:
    """Return whether less was enough already: a finer level of the same column; or the door, which suppresses."""
    if changes == (_SUPPRESS,):
        return any(done == (_MAKE_AGAIN,) and move and move.releases for done, move in tried)
    if len(changes) > 1 or not changes[0].column:
        return False
    enough = {done[0].column for done, move in tried if move and move.releases and done[0].kind is ChangeKind.COARSEN}
    return changes[0].column in enough


def _singles(ground: Ground) -> Iterator[tuple[Change, ...]]:
    """Yield every single change, the cheapest by estimate first."""
    release = ground.release
    unlisted = [name for name in candidate_columns(ground.session, ground.mart) if name not in release.columns]
    found = [(0.0, Change(kind=ChangeKind.DROP, column=name)) for name in unlisted]
    if ground.is_door_made:
        found += [(0.0, _MAKE_AGAIN), *_coarser(ground)]
    if rows_found(ground, release, ground.failed):
        found.append((0.01, _SUPPRESS))
    found += [(_share(release, name), Change(kind=ChangeKind.DROP, column=name)) for name in _droppable(ground)]
    for _, change in sorted(found, key=lambda one: one[0]):
        yield (change,)


def _pairs(ground: Ground) -> Iterator[tuple[Change, ...]]:
    """Yield pairs: one level coarser and the rest suppressed, then two columns, the cheapest by estimate first."""
    coarser = _coarser(ground) if ground.is_door_made else []
    dropped = [(_share(ground.release, name), Change(kind=ChangeKind.DROP, column=name)) for name in _droppable(ground)]
    single = sorted([*coarser, *dropped], key=lambda one: one[0])
    two = sorted(
        (a + b, (one, other)) for (a, one), (b, other) in combinations(single, 2) if one.column != other.column
    )
    yield from ((one, _SUPPRESS) for _, one in single)
    yield from (changes for _, changes in two)


def _coarser(ground: Ground) -> list[tuple[float, Change]]:
    """Return every coarser level of every column of microdata but `*`, which is dropping it."""
    found = []
    for name, tree in ground.trees.items():
        here = ground.levels[name]
        for level in range(here + 1, tree.levels - 1):
            penalty = certainty_penalty(max(1, tree.domain // len(tree.labels[level])), tree.domain)
            change = Change(
                kind=ChangeKind.COARSEN,
                column=name,
                from_level=tree.level_names[here],
                to_level=tree.level_names[level],
            )
            found.append((penalty * _share(ground.release, name), change))
    return found


def _droppable(ground: Ground) -> list[str]:
    """Return the columns that the mart can do without."""
    release = ground.release
    figures = [*release.measures, *release.sensitive, *release.publish]
    # Without its records a cube cannot be added up anew: who is in two of its cells would count twice.
    made_of = list(release.quasi_identifiers) if ground.is_door_made else []
    told = [name for name in made_of if not ground.trees or ground.trees[name].level_names[ground.levels[name]] != ROOT]
    return [*figures, *(told if len(release.quasi_identifiers) > 1 else [])]


def _share(release: Release, column: str) -> float:
    """Return the loss of a mart without a column, by estimate."""
    figures = len(release.measures) + len(release.sensitive) + len(release.publish)
    weights = {name: one.weight for name, one in release.quasi_identifiers.items()}
    return weights.get(column, 1.0) / (sum(weights.values()) + figures)
