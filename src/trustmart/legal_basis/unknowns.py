"""What is not known: decide every way it could be, and see whether the ways agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


def ways(facts: Facts, rule: Callable[[Facts], Ruling]) -> list[Way]:
    """Return the ruling for every way that what is not known could be; only fields that are read are tried."""
    found: list[Way] = []
    open_ways: list[tuple[Facts, dict[str, Any]]] = [(facts, {})]
    while open_ways:
        case, assumed = open_ways.pop()
        try:
            found.append(Way(assumed, rule(case)))
        except NotKnown as unknown:
            field = unknown.field
            # The first answer is gone through first.
            for value in reversed(can_be(case, field)):
                open_ways.append((case.assuming(field, value), {**assumed, field: value}))
        if len(found) + len(open_ways) > MOST_WAYS:
            raise TooManyWays(facts.unknown())
    return found


def deciding_fields(found: Sequence[Way]) -> tuple[str, ...]:
    """Return the fields that decide: two ways differ in nothing else, and have another legal basis."""
    fields = dict.fromkeys(field for way in found for field in way.assumed)
    return tuple(field for field in fields if _decides(field, found))


def _decides(field: str, found: Sequence[Way]) -> bool:
    """True where the ways fall apart over this field alone."""
    having = [way for way in found if field in way.assumed]
    return any(
        one.ruling.legal_basis is not other.ruling.legal_basis
        and one.assumed[field] != other.assumed[field]
        and all(other.assumed.get(name, value) == value for name, value in one.assumed.items() if name != field)
        for index, one in enumerate(having)
        for other in having[index + 1 :]
    )
