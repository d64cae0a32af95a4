"""The challenge to tech and legal: the smallest changes that ask less of us, each of them decided (S30, S58)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from pydantic import ValidationError

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.decision import basis_of, decide, ruling_on
from trustmart.legal_basis.facts import Facts, unheard_words
from trustmart.legal_basis.moves import MOVES
from trustmart.legal_basis.unknowns import TooManyWays, Way, ways
from trustmart.legal_basis.world import World
from trustmart.policy.use_cases import UseCase

MOST_MOVES = 3
# What a service or a law needs is not to be done otherwise.
_NEEDED = frozenset({LegalBasis.ANONYMOUS, LegalBasis.CONTRACT, LegalBasis.LEGAL_OBLIGATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One field, as it is and as it would be."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Edits that move a use case up the ladder, in a sentence, and the legal basis it then has."""

    edits: tuple[Edit, ...]
    sentence: str
    legal_basis: LegalBasis
    use_case: UseCase


def alternatives(name: str, use_case: UseCase, world: World) -> tuple[Alternative, ...]:
    """Return the smallest honest changes after which less is asked of us, the freest first.

    A use case that is refused for what is not known also gets what can be filled in, and what it then comes to.
    """
    verdict = decide(name, use_case, world)
    if verdict.legal_basis in _NEEDED:
        return ()
    found = list(_by_moves(use_case, world, verdict.legal_basis.rung))
    if verdict.undecided and not unheard_words(use_case.purpose.data_use, use_case.source.categories):
        found += _by_filling_in(use_case, world)
    needed = [other for other in found if not any(_does_as_well(less, other) for less in found)]
    return tuple(sorted(needed, key=lambda alternative: (alternative.legal_basis.rung, len(alternative.edits))))


def _does_as_well(less: Alternative, other: Alternative) -> bool:
    """True where the first gets as far with some of the second's edits."""
    within = len(less.edits) < len(other.edits) and all(edit in other.edits for edit in less.edits)
    return within and less.legal_basis.rung <= other.legal_basis.rung


def _by_moves(use_case: UseCase, world: World, rung: int) -> Iterator[Alternative]:
    """Try the moves one by one, then in twos and threes; what holds a smaller set that does as well is left out."""
    kept: list[tuple[frozenset[int], int]] = []
    for size in range(1, MOST_MOVES + 1):
        for chosen in combinations(range(len(MOVES)), size):
            done = frozenset(chosen)
            best = min((reached for moves, reached in kept if moves < done), default=rung)
            if best == 0 or (changed := _changed(use_case, world, chosen)) is None:
                continue
            basis = basis_of(changed, world)
            if basis.rung < best and (sound := _sound(changed)) is not None:
                kept.append((done, basis.rung))
                yield Alternative(
                    edits=edits(use_case, sound),
                    sentence=_capital(", and ".join(MOVES[index].sentence for index in chosen)),
                    legal_basis=basis,
                    use_case=sound,
                )


def _changed(use_case: UseCase, world: World, chosen: Iterable[int]) -> UseCase | None:
    """Make the moves one after the other; None where one of them finds nothing to change."""
    changed: UseCase | None = use_case
    for index in chosen:
        changed = MOVES[index].change(changed, world) if changed is not None else None
    return changed


def _by_filling_in(use_case: UseCase, world: World) -> Iterator[Alternative]:
    """Return, for each legal basis that the open fields allow, the fewest of them that settle it."""
    try:
        found = list(ways(Facts(use_case, world), ruling_on))
    except TooManyWays:
        return
    shortest: dict[LegalBasis, Way] = {}
    for way in sorted(found, key=lambda way: len(way.assumed)):
        # That a contract needs it is a claim to be made by those who can answer for it, not advice.
        if not way.assumed.get("purpose.necessary_for_contract"):
            shortest.setdefault(way.ruling.legal_basis, way)
    shortest.pop(LegalBasis.REFUSED, None)
    for basis, way in shortest.items():
        needed = _needed(use_case, world, way.assumed, basis)
        filled = fill_in(use_case, needed)
        said = ", ".join(f"{field} is {_word(value)}" for field, value in needed.items())
        yield Alternative(
            edits=edits(use_case, filled),
            sentence=f"Find out, and fill in: if {said}, it is {_word(basis)}",
            legal_basis=basis,
            use_case=filled,
        )


def _needed(use_case: UseCase, world: World, assumed: Mapping[str, Any], basis: LegalBasis) -> dict[str, Any]:
    """Drop every assumption that the legal basis stands without."""
    needed = dict(assumed)
    for field in assumed:
        fewer = {other: value for other, value in needed.items() if other != field}
        if basis_of(fill_in(use_case, fewer), world) is basis:
            needed = fewer
    return needed


def fill_in(use_case: UseCase, values: Mapping[str, Any]) -> UseCase:
    """Return the use case with some fields filled in."""
    content = use_case.model_dump()
    for field, value in values.items():
        block, _, name = field.partition(".")
        if block.startswith("transfers["):
            content["transfers"][int(block[len("transfers[") : -1])][name] = value
        else:
            content[block][name] = value
    return UseCase.model_validate(content)


def _sound(use_case: UseCase) -> UseCase | None:
    """Return the use case, checked and fresh; None where it now contradicts itself."""
    try:
        return UseCase.model_validate(use_case.model_dump())
    except ValidationError:
        return None


_BLOCKS = ("purpose", "processing", "source")


def edits(before: UseCase, after: UseCase) -> tuple[Edit, ...]:
    """Return the fields of the four blocks in which two use cases differ."""
    found: list[Edit] = []
    for block in _BLOCKS:
        found += _differences(block, getattr(before, block), getattr(after, block))
    if len(before.transfers) != len(after.transfers):
        names = [[transfer.recipient for transfer in use_case.transfers] for use_case in (before, after)]
        found.append(Edit(field="transfers", before=names[0], after=names[1]))
    else:
        for index, (one, other) in enumerate(zip(before.transfers, after.transfers, strict=True)):
            found += _differences(f"transfers[{index}]", one, other)
    return tuple(found)


def _differences(block: str, before: Any, after: Any) -> Iterator[Edit]:
    """Yield the fields in which two blocks differ."""
    for name in type(before).model_fields:
        was, becomes = getattr(before, name), getattr(after, name)
        if was != becomes:
            yield Edit(field=f"{block}.{name}", before=was, after=becomes)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("_", " ")


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
