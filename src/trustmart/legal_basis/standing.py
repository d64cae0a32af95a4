"""Where a use case stands: ready to run, a draft, incomplete, or refused; with the reason, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.decision import decide
from trustmart.legal_basis.verdict import Verdict
from trustmart.legal_basis.world import world_of
from trustmart.policy.models import Policy, Purpose
from trustmart.policy.use_cases import Owners, UseCase


class State(StrEnum):
    """Only what is ready runs."""

    READY = "ready"
    DRAFT = "draft"
    INCOMPLETE = "incomplete"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a use case stands, with its verdict; `why` and `next_step` are sentences for people."""

    state: State
    why: str
    next_step: str
    verdict: Verdict

    @property
    def is_ready(self) -> bool:
        """True where it may run."""
        return self.state is State.READY


def statuses(policy: Policy) -> dict[str, Status]:
    """Return where every use case of a policy stands."""
    world = world_of(policy)
    return {
        name: status_of(use_case, decide(name, use_case, world), policy.purposes)
        for name, use_case in policy.use_cases.items()
    }


def status_of(use_case: UseCase, verdict: Verdict, purposes: Mapping[str, Purpose]) -> Status:
    """Return where a use case stands: what refuses it first, then what it lacks, then who has not signed."""
    explain = f"trustmart decide --use-case {verdict.use_case}"
    if verdict.undecided:
        why = f"refused: not known: {', '.join(verdict.undecided)}"
        return _status(State.REFUSED, why, f"fill in {', '.join(verdict.undecided)}, then: {explain}", verdict)
    if verdict.legal_basis is LegalBasis.REFUSED:
        last = verdict.trail[-1].because
        why = f"refused: {last.field} is {last.value}: {last.rule} ({last.article})"
        return _status(State.REFUSED, why, f"what would make it possible: {explain}", verdict)
    if lacking := _lacking(use_case, verdict, purposes):
        why = f"{verdict.legal_basis}, yet it lacks {'; '.join(lacking)}"
        return _status(State.INCOMPLETE, why, f"add it in use_cases.yml, then: {explain}", verdict)
    if not use_case.is_signed:
        who = " and ".join(unsigned(use_case))
        why = f"a draft: not signed for version {use_case.version} by {who}"
        return _status(State.DRAFT, why, f"have {who} sign in use_cases.yml (owners), then: trustmart check", verdict)
    return _status(State.READY, f"{verdict.legal_basis}, signed by both owners", "nothing", verdict)


def unsigned(use_case: UseCase) -> list[str]:
    """Return the sides that have not signed this version."""
    signatures = {"business": use_case.owners.business, "legal": use_case.owners.legal}
    return [side for side, by in signatures.items() if not Owners(business=by, legal=by).signed(use_case.version)]


def _lacking(use_case: UseCase, verdict: Verdict, purposes: Mapping[str, Purpose]) -> list[str]:
    """Return what a use case must say before its legal basis can carry it (S10, S21)."""
    basis = verdict.legal_basis
    lacking = [
        f"{plan} ({what})"
        for plan, what in (
            ("capture_plan", "how consents will be captured"),
            ("activation_plan", "what will be done with them"),
        )
        if plan in verdict.conditions
    ]
    if not (basis.needs_consent or basis.can_be_objected_to):
        return lacking
    purpose = purposes.get(use_case.asked_as or "")
    if purpose is None:
        lacking.append("asked_as (the purpose in purposes.yml under which people are asked, and may object)")
    elif basis.needs_consent and purpose.valid_for_days is None:
        lacking.append(f"valid_for_days of {use_case.asked_as} in purposes.yml (how long a yes is good)")
    elif basis.can_be_objected_to and not purpose.objections:
        lacking.append(f"objections of {use_case.asked_as} in purposes.yml (which objections end it)")
    return lacking


def _status(state: State, why: str, next_step: str, verdict: Verdict) -> Status:
    return Status(state=state, why=why, next_step=next_step, verdict=verdict)
