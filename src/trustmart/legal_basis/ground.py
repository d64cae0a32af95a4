"""What the door asks of a person before a use case may use them: made from the verdict, never typed in."""

from collections.abc import Mapping
from dataclasses import dataclass

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.standing import Status, statuses
from trustmart.policy.models import Policy
from trustmart.policy.use_cases import UseCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """By what right, and under which name, people are used.

    purpose: under which people are asked and may object; the use case's own name where nobody is asked.
    objections: the scopes that end it. channel: the one channel people are reached by, or None.
    """

    use_case: str
    purpose: str
    legal_basis: LegalBasis
    needs_consent: bool
    valid_for_days: int | None
    objections: tuple[str, ...]
    channel: str | None
    minimum_age: int | None


def grounds(policy: Policy) -> dict[str, Ground]:
    """Return the ground of every use case that uses people and is ready to run."""
    return grounds_of(policy, statuses(policy))


def grounds_of(policy: Policy, standing: Mapping[str, Status]) -> dict[str, Ground]:
    """Return the grounds, where the statuses are known already."""
    return {
        name: ground_of(name, policy.use_cases[name], status.verdict.legal_basis, policy)
        for name, status in standing.items()
        if status.is_ready and status.verdict.legal_basis.is_personal
    }


def ground_of(name: str, use_case: UseCase, basis: LegalBasis, policy: Policy) -> Ground:
    """Return what is asked of a person for one use case."""
    purpose = policy.purposes.get(use_case.asked_as or "")
    may_end = basis.needs_consent or basis.can_be_objected_to
    channels = use_case.processing.channels
    return Ground(
        use_case=name,
        purpose=use_case.asked_as or name,
        legal_basis=basis,
        needs_consent=basis.needs_consent,
        valid_for_days=purpose.valid_for_days if purpose and basis.needs_consent else None,
        objections=purpose.objections if purpose and may_end else (),
        channel=channels[0].value if len(channels) == 1 else None,
        minimum_age=purpose.minimum_age if purpose else None,
    )
