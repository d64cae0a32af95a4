"""The answer to a use case: by what right, under which conditions, and why."""

from dataclasses import dataclass
from typing import Any

from trustmart.legal_basis.bases import LegalBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """What an answer rests on: a field of the use case, its value, and the rule with its article."""

    field: str
    value: Any
    rule: str
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question on the way, and its answer."""

    question: str
    answer: str
    because: Because


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """By what right a use case may run, or that it may not.

    decided_by: which of the four blocks tipped it (purpose, processing, source, transfers). undecided: the fields that
    are not known and would decide; empty unless refused for that.
    """

    use_case: str
    legal_basis: LegalBasis
    conditions: tuple[str, ...]
    trail: tuple[Step, ...]
    decided_by: str
    undecided: tuple[str, ...] = ()

    @property
    def opt_in_required(self) -> bool:
        """True where the person must have said yes."""
        return self.legal_basis.needs_consent

    @property
    def opt_out_required(self) -> bool:
        """True where the person must be able to say no."""
        return self.legal_basis.can_be_objected_to
