"""What is not known: decide every way it could be, and see whether the ways agree."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.facts import Facts, NotKnown, can_be
from trustmart.legal_basis.verdict import Step

# More ways than these are not gone through: whoever knows so little has to say more first.
MOST_WAYS = 512


class Ruling(NamedTuple):
    """What the questions come to, once all they read is known."""

    legal_basis: LegalBasis
    conditions: tuple[str, ...]
    trail: tuple[Step, ...]
    decided_by: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way that what is not known could be: what is assumed, and the ruling then."""

    assumed: dict[str, Any]
    ruling: Ruling


class TooManyWays(Exception):
    """Too little is known to go through every way; `fields` is all that is open."""

    def __init__(self, fields: Sequence[str]) -> None:
        """Keep the fields that are open."""
        super().__init__(", ".join(fields))
        self.fields = tuple(fields)


def ways(facts: Facts, rule: Callable[[Facts], Ruling]) -> Iterator[Way]:
    """Yield the ruling for every way that what is not known could be; only fields that are read are tried."""
    open_ways: list[tuple[Facts, dict[str, Any]]] = [(facts, {})]
    found = 0
    while open_ways:
        case, assumed = open_ways.pop()
        try:
            ruling = rule(case)
        except NotKnown as unknown:
            field = unknown.field
            # The first answer is gone through first.
            for value in reversed(can_be(case, field)):
                open_ways.append((case.assuming(field, value), {**assumed, field: value}))
        else:
            found += 1
            yield Way(assumed, ruling)
        if found + len(open_ways) > MOST_WAYS:
            raise TooManyWays(facts.unknown())


def deciding_fields(facts: Facts, found: Sequence[Way]) -> tuple[str, ...]:
    """Return the fields that decide: two ways can differ in nothing else, and have another legal basis."""
    deciding: set[str] = set()
    for one, other in combinations(found, 2):
        if one.ruling.legal_basis is not other.ruling.legal_basis:
            differing = [name for name, value in one.assumed.items() if other.assumed.get(name, value) != value]
            if len(differing) == 1 and differing[0] not in deciding and _can_meet(facts, one, other, differing[0]):
                deciding.add(differing[0])
    return tuple(field for field in dict.fromkeys(name for way in found for name in way.assumed) if field in deciding)


def _can_meet(facts: Facts, one: Way, other: Way, field: str) -> bool:
    """True where all that both ways assume beside one field can be true at once, and with either value of the field."""
    case = facts
    for name, value in {**one.assumed, **other.assumed}.items():
        if name != field:
            if value not in can_be(case, name):
                return False
            case = case.assuming(name, value)
    return {one.assumed[field], other.assumed[field]} <= set(can_be(case, field))
