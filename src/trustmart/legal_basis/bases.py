"""The legal bases, as rungs of a ladder: the first is the freest, the last forbids."""

from enum import StrEnum


class LegalBasis(StrEnum):
    """By what right a use case may run, in the fixed order in which it is asked (S08, S09)."""

    ANONYMOUS = "anonymous"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CONSENT = "consent"
    EXPLICIT_CONSENT = "explicit_consent"
    REFUSED = "refused"

    @property
    def rung(self) -> int:
        """Return how much is asked of us: contract and legal obligation stand side by side."""
        return _RUNGS[self]

    @property
    def needs_consent(self) -> bool:
        """True where nothing is permitted until the person has said yes (opt-in)."""
        return self in (LegalBasis.CONSENT, LegalBasis.EXPLICIT_CONSENT)

    @property
    def can_be_objected_to(self) -> bool:
        """True where the person may say no without having been asked (opt-out, GDPR Art. 21)."""
        return self is LegalBasis.LEGITIMATE_INTEREST

    @property
    def lets_people_decide(self) -> bool:
        """True where it depends on the person, who must be old enough: asked first, or able to object."""
        return self.needs_consent or self.can_be_objected_to

    @property
    def is_personal(self) -> bool:
        """True where people are used, by a right that stands."""
        return self not in (LegalBasis.ANONYMOUS, LegalBasis.REFUSED)


_RUNGS = {
    LegalBasis.ANONYMOUS: 0,
    LegalBasis.CONTRACT: 1,
    LegalBasis.LEGAL_OBLIGATION: 1,
    LegalBasis.LEGITIMATE_INTEREST: 2,
    LegalBasis.CONSENT: 3,
    LegalBasis.EXPLICIT_CONSENT: 4,
    LegalBasis.REFUSED: 5,
}
