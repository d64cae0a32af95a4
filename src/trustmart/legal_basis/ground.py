"""What the door asks of a person before a use case may use them: made from the verdict, never typed in."""

from collections.abc import Mapping
from dataclasses import dataclass

from trustmart.legal_basis.bases import LegalBasis
from trustmart.policy.models import Purpose
from trustmart.policy.use_cases import Channel, UseCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One use case that may run, as the door sees it.

    purpose: under which people are asked and may object; the use case's own name where nobody is asked.
    objections: the scopes that end it. channel: the one channel people are reached by, or None.
    """

    use_case: str
    purpose: str
    legal_basis: LegalBasis
    valid_for_days: int | None
    objections: tuple[str, ...]
    channel: Channel | None
    minimum_age: int

    @property
    def needs_consent(self) -> bool:
        """True where the person must have said yes."""
        return self.legal_basis.needs_consent

    @property
    def lets_people_decide(self) -> bool:
        """True where it depends on the person: asked first, or able to object."""
        return self.legal_basis.lets_people_decide


def ground_of(name: str, use_case: UseCase, basis: LegalBasis, purposes: Mapping[str, Purpose]) -> Ground:
    """Return what is asked of a person for one use case."""
    purpose = purposes.get(use_case.asked_as or "")
    channels = use_case.processing.channels
    return Ground(
        use_case=name,
        purpose=use_case.asked_as or name,
        legal_basis=basis,
        valid_for_days=purpose.valid_for_days if purpose and basis.needs_consent else None,
        objections=purpose.objections if purpose and basis.lets_people_decide else (),
        channel=channels[0] if len(channels) == 1 else None,
        minimum_age=(purpose.minimum_age or 0) if purpose else 0,
    )
