"""What would release a held mart most cheaply: changes are tried on copies, and the gate is asked of each."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from trustmart.anonymity.moves import Change, ChangeKind, Move, cheapest
from trustmart.errors import TrustmartError
from trustmart.gates import GateReport, Memory
from trustmart.gates.copies import Seen, seen_of
from trustmart.gates.measures_sql import candidate_columns
from trustmart.gates.remembering import remembering
from trustmart.pipeline.context import Context
from trustmart.pipeline.door import standing_mart
from trustmart.pipeline.ground import Ground, ground_of
from trustmart.pipeline.plans import MAKE_AGAIN, SUPPRESS, pairs, singles
from trustmart.pipeline.trying import as_it_stands, attempt
from trustmart.policy import Policy
from trustmart.warehouse import Session, Zone

MOST_TRIED, MOST_SECONDS = 24, 20.0
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
    # Every try is compared with the same identifiers of everybody.
    with remembering(session):
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
    for plan in (singles, pairs):
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
    if changes == (SUPPRESS,):
        return any(done == (MAKE_AGAIN,) and move and move.releases for done, move in tried)
    if changes[0].kind is ChangeKind.DROP_TOTALS:
        totals = (done[0].kind is ChangeKind.DROP_TOTALS for done, move in tried if move and move.releases)
        return changes[0].column == "*" and any(totals)
    if len(changes) > 1 or not changes[0].column:
        return False
    enough = {done[0].column for done, move in tried if move and move.releases and done[0].kind is ChangeKind.COARSEN}
    return changes[0].column in enough
