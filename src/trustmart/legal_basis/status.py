"""Where a use case stands: ready to run, a draft, incomplete, or refused; with the reason, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.decision import decide
from trustmart.legal_basis.ground import Ground, ground_of
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
    """Where a use case stands, with its verdict; `reason` and `next_step` are sentences for people."""

    use_case: str
    state: State
    reason: str
    next_step: str
    verdict: Verdict

    @property
    def is_ready(self) -> bool:
        """True where it may run."""
        return self.state is State.READY


def statuses_of(policy: Policy) -> dict[str, Status]:
    """Return where every use case of a policy stands."""
    world = world_of(policy)
    return {
        name: status_of(use_case, decide(name, use_case, world), policy.purposes)
        for name, use_case in policy.use_cases.items()
    }


def grounds_of(policy: Policy, statuses: Mapping[str, Status]) -> dict[str, Ground]:
    """Return the ground of every use case that uses people and is ready to run."""
    return {
        name: ground_of(name, policy.use_cases[name], status.verdict.legal_basis, policy.purposes)
        for name, status in statuses.items()
        if status.is_ready and status.verdict.legal_basis.is_personal
    }


def status_of(use_case: UseCase, verdict: Verdict, purposes: Mapping[str, Purpose]) -> Status:
    """Return where a use case stands: what refuses it first, then what it lacks, then who has not signed."""
    name, basis = verdict.use_case, verdict.legal_basis
    explain = f"trustmart decide --use-case {name}"
    if verdict.undecided:
        fields = ", ".join(verdict.undecided)
        reason = f"{name} is refused: not known, and it would decide: {fields}"
        return _status(State.REFUSED, reason, f"fill in {fields}, then: {explain}", verdict)
    if basis is LegalBasis.REFUSED:
        last = verdict.trail[-1].because
        reason = f"{name} is refused: {last.rule} ({last.article}), and {last.field} is {last.value}"
        return _status(State.REFUSED, reason, f"see what would make it possible: {explain}", verdict)
    if lacking := _lacking(use_case, verdict, purposes):
        reason = f"{name} is incomplete: it stands on {_words(basis)}, and lacks {'; '.join(lacking)}"
        return _status(State.INCOMPLETE, reason, f"add what it lacks, then: {explain}", verdict)
    if missing := unsigned(use_case):
        who = " and ".join(missing)
        reason = f"{name} is a draft: version {use_case.version} is not signed by {who}"
        return _status(
            State.DRAFT, reason, f"have {who} sign (owners in use_cases.yml), then: trustmart check", verdict
        )
    return _status(State.READY, f"{name} stands on {_words(basis)}, signed by both owners", "nothing", verdict)


def unsigned(use_case: UseCase) -> list[str]:
    """Return the sides that have not signed this version."""
    signatures = {"business": use_case.owners.business, "legal": use_case.owners.legal}
    return [side for side, by in signatures.items() if not Owners(business=by, legal=by).signed(use_case.version)]


def _lacking(use_case: UseCase, verdict: Verdict, purposes: Mapping[str, Purpose]) -> list[str]:
    """Return what a use case must say before its legal basis can carry it (S10, S21)."""
    basis = verdict.legal_basis
    lacking = [
        what
        for condition, what in (
            ("capture_plan", "capture_plan (how consents will be captured)"),
            ("activation_plan", "activation_plan (what will be done with them)"),
            (
                "necessity_stated",
                "necessary_for_contract as a sentence (without this, which service could not be given)",
            ),
        )
        if condition in verdict.conditions
    ]
    if not (basis.needs_consent or basis.can_be_objected_to):
        return lacking
    purpose = purposes.get(use_case.asked_as or "")
    if purpose is None:
        lacking.append("asked_as (the purpose in purposes.yml under which people are asked, and may object)")
    elif not f"{use_case.purpose.data_use}.".startswith(f"{purpose.data_use}."):
        lacking.append(
            f"an asked_as for {use_case.purpose.data_use} (under {use_case.asked_as} people are asked about"
            f" {purpose.data_use})"
        )
    elif basis.needs_consent and purpose.valid_for_days is None:
        lacking.append(f"valid_for_days of {use_case.asked_as} in purposes.yml (how long a yes is good)")
    elif basis.can_be_objected_to and not purpose.objections:
        lacking.append(f"objections of {use_case.asked_as} in purposes.yml (which objections end it)")
    return lacking


def _status(state: State, reason: str, next_step: str, verdict: Verdict) -> Status:
    return Status(use_case=verdict.use_case, state=state, reason=reason, next_step=next_step, verdict=verdict)


def _words(basis: LegalBasis) -> str:
    return basis.replace("_", " ")
