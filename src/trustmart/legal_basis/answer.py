"""The whole answer about one use case, as plain values: for --json, for the tree, for the log."""

from collections.abc import Iterable, Mapping
from typing import Any

from trustmart.legal_basis.alternatives import Alternative
from trustmart.legal_basis.reach import BRANCH_OF, Reach
from trustmart.legal_basis.status import Status
from trustmart.legal_basis.verdict import Step
from trustmart.policy.use_cases import Kind, UseCase

Reached = Mapping[str, Reach]
_BY_CONTACT = ("legitimate_interest", "consent")


def answer(
    use_case: UseCase,
    status: Status,
    *,
    alternatives: Iterable[Alternative] = (),
    reach: Reached | None = None,
    value_per_contact: float | None = None,
) -> dict[str, Any]:
    """Return what is said about a use case. reach: by branch, None where there is no warehouse to count in."""
    verdict = status.verdict
    return {
        "use_case": verdict.use_case,
        "legal_basis": verdict.legal_basis.value,
        "opt_in_required": verdict.opt_in_required,
        "opt_out_required": verdict.opt_out_required,
        "conditions": list(verdict.conditions),
        "trail": [_step(step) for step in verdict.trail],
        "decided_by": verdict.decided_by,
        "reach": None if reach is None else _reached(reach, _value_of_one(use_case, value_per_contact)),
        "alternatives": [_alternative(other, reach, BRANCH_OF.get(verdict.legal_basis)) for other in alternatives],
        "status": {"state": status.state.value, "reason": status.reason, "next_step": status.next_step},
        "version": use_case.version,
        "undecided": list(verdict.undecided),
    }


def _step(step: Step) -> dict[str, Any]:
    because = step.because
    return {
        "question": step.question,
        "answer": step.answer,
        "because": {
            "field": because.field,
            "value": plain(because.value),
            "rule": because.rule,
            "article": because.article,
        },
    }


def _value_of_one(use_case: UseCase, value_per_contact: float | None) -> float | None:
    """Return what reaching one person is worth: what a contact is, where people are contacted."""
    return value_per_contact if use_case.processing.kind is Kind.CONTACT else None


def _reached(reach: Reached, value_of_one: float | None) -> dict[str, Any]:
    """Return every branch; a worth is said of those that reach people one by one and may be said no to."""
    return {name: _reach(part, value_of_one if name in _BY_CONTACT else None) for name, part in reach.items()}


def _reach(part: Reach, value_per_person: float | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "people": part.people,
        "of": part.of,
        "share": part.share,
        "low": part.low,
        "high": part.high,
    }
    if part.note is not None:
        found["note"] = part.note
    if value_per_person is not None:
        found["value_eur"] = round(part.value(value_per_person), 2)
    return found


def _alternative(other: Alternative, reach: Reached | None, branch: str | None) -> dict[str, Any]:
    """Return an alternative, with what it would add to the reach; a use case that is refused reaches nobody."""
    after = BRANCH_OF.get(other.legal_basis)
    gained: dict[str, Any] = {"reach_gained": None, "people_gained": None}
    if reach is not None and after is not None:
        share, people = (reach[branch].share, reach[branch].people) if branch is not None else (0.0, 0)
        gained = {"reach_gained": reach[after].share - share, "people_gained": reach[after].people - people}
    return {
        "legal_basis": other.legal_basis.value,
        "sentence": other.sentence,
        "edits": [{"field": edit.field, "from": plain(edit.before), "to": plain(edit.after)} for edit in other.edits],
        **gained,
    }


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value
