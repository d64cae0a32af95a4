"""Whom each branch of the flow chart could address, counted among our own people."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from trustmart.legal_basis.bases import LegalBasis
from trustmart.policy.models import Purpose
from trustmart.policy.use_cases import UseCase

BRANCHES = ("anonymous", "contract", "legitimate_interest", "consent")
# The branch that a legal basis belongs to; nobody is reached without one.
BRANCH_OF = {
    LegalBasis.ANONYMOUS: "anonymous",
    LegalBasis.CONTRACT: "contract",
    LegalBasis.LEGAL_OBLIGATION: "contract",
    LegalBasis.LEGITIMATE_INTEREST: "legitimate_interest",
    LegalBasis.CONSENT: "consent",
    LegalBasis.EXPLICIT_CONSENT: "consent",
}

NOBODY_ASKED = "nobody has been asked: the use case names no purpose (asked_as), and there is none like it"
NOBODY_SAID_YES = "nobody has said yes to {purpose} yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many people stand alike: restricted or not, with the purposes they object to, or have said yes to."""

    people: int
    is_restricted: bool = False
    objections: frozenset[str] = frozenset()
    consents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """All people, those whose data may be processed, and among these, by purpose, who objects and who has said yes.

    Whoever objects has not said yes, whatever they said before.
    """

    everybody: int
    free: int
    objecting: Mapping[str, int]
    agreeing: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many a branch could address: people, out of how many, as a share with its 95 % interval."""

    people: int
    of: int
    share: float
    low: float
    high: float
    note: str | None = None

    def value(self, value_per_person: float) -> float:
        """Return what the branch is worth, given what one person is worth (S02)."""
        return self.people * value_per_person


def tally_of(standings: Iterable[Standing]) -> Tally:
    """Count people by what each purpose asks of them: the reference for what the warehouse counts in one scan."""
    everybody = free = 0
    objecting: Counter[str] = Counter()
    agreeing: Counter[str] = Counter()
    for standing in standings:
        everybody += standing.people
        if standing.is_restricted:
            continue
        free += standing.people
        objecting.update(dict.fromkeys(standing.objections, standing.people))
        agreeing.update(dict.fromkeys(standing.consents - standing.objections, standing.people))
    return Tally(everybody=everybody, free=free, objecting=objecting, agreeing=agreeing)


def reach(tally: Tally, purposes: Mapping[str, str | None]) -> dict[str, dict[str, Reach]]:
    """Return the reach of every branch for every use case.

    purposes: by use case, the purpose under which people are asked and may object (asked_as), or None.
    """
    return {use_case: _branches(tally, purpose) for use_case, purpose in purposes.items()}


def purpose_counted(use_case: UseCase, purposes: Mapping[str, Purpose]) -> str | None:
    """Return the purpose under which a use case's reach is counted: its own, or else the first with the same data use.

    A use case that is only being thought of has none of its own, but people have objected to, and agreed to, its like.
    """
    alike = (name for name, purpose in purposes.items() if purpose.data_use == use_case.purpose.data_use)
    return use_case.asked_as or next(alike, None)


def _branches(tally: Tally, purpose: str | None) -> dict[str, Reach]:
    """Return the four branches of one use case."""
    everybody = tally.everybody
    interested = tally.free - tally.objecting.get(purpose or "", 0)
    agreeing = tally.agreeing.get(purpose or "", 0)
    note = NOBODY_ASKED if purpose is None else NOBODY_SAID_YES.format(purpose=purpose) if not agreeing else None
    return {
        "anonymous": _all_of(everybody),
        "contract": _all_of(everybody),
        "legitimate_interest": _share(interested, everybody),
        "consent": _share(agreeing, everybody, note),
    }


def _all_of(everybody: int) -> Reach:
    """Everybody by definition, so nothing is estimated."""
    share = 1.0 if everybody else 0.0
    return Reach(people=everybody, of=everybody, share=share, low=share, high=share)


def _share(people: int, of: int, note: str | None = None) -> Reach:
    low, high = wilson(people, of)
    return Reach(people=people, of=of, share=people / of if of else 0.0, low=low, high=high, note=note)


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion (E. B. Wilson, JASA 22 (1927), 209-212).

    The same as scipy's binomtest(...).proportion_ci(method="wilson"), which takes seconds to import; a test compares.
    """
    if not trials:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = successes / trials, z * z / trials
    middle, half = share + weight / 2, z * sqrt(share * (1 - share) / trials + weight / (4 * trials))
    low, high = (middle - half) / (1 + weight), (middle + half) / (1 + weight)
    return (0.0 if successes == 0 else max(low, 0.0)), (1.0 if successes == trials else min(high, 1.0))
