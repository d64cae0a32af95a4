"""The flow chart as a graph: what follows each answer, and the path that one use case takes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.decision import (
    ANONYMOUS,
    COMMUNICATIONS,
    CONSENT,
    CONTRACT,
    EXPLICIT,
    INTEREST,
    OBLIGATION,
    QUESTIONS,
    TRANSFERS,
    UNKNOWN,
)
from trustmart.legal_basis.verdict import Verdict


class Edge(NamedTuple):
    """An answer that leads from a question to the next, or to a legal basis."""

    start: str
    answer: str
    end: str


EDGES = (
    Edge(ANONYMOUS, "yes", COMMUNICATIONS),
    Edge(ANONYMOUS, "no", TRANSFERS),
    Edge(COMMUNICATIONS, "no", LegalBasis.ANONYMOUS),
    Edge(COMMUNICATIONS, "yes", OBLIGATION),
    Edge(TRANSFERS, "no", LegalBasis.REFUSED),
    Edge(TRANSFERS, "yes", OBLIGATION),
    Edge(OBLIGATION, "yes", LegalBasis.LEGAL_OBLIGATION),
    Edge(OBLIGATION, "no", CONTRACT),
    Edge(CONTRACT, "yes", LegalBasis.CONTRACT),
    Edge(CONTRACT, "no", INTEREST),
    Edge(INTEREST, "yes", LegalBasis.LEGITIMATE_INTEREST),
    Edge(INTEREST, "no", CONSENT),
    Edge(CONSENT, "no", LegalBasis.REFUSED),
    Edge(CONSENT, "yes", EXPLICIT),
    Edge(EXPLICIT, "no", LegalBasis.CONSENT),
    Edge(EXPLICIT, "yes", LegalBasis.EXPLICIT_CONSENT),
)
_ENDS = {(edge.start, edge.answer): edge.end for edge in EDGES}
OPTS = {
    LegalBasis.ANONYMOUS: "nobody is asked",
    LegalBasis.LEGAL_OBLIGATION: "no opt-in",
    LegalBasis.CONTRACT: "no opt-in",
    LegalBasis.LEGITIMATE_INTEREST: "opt-out",
    LegalBasis.CONSENT: "opt-in",
    LegalBasis.EXPLICIT_CONSENT: "opt-in, in words",
    LegalBasis.REFUSED: "it is not done",
}


def path_of(verdict: Verdict) -> tuple[Edge, ...]:
    """Return the edges that a use case takes; what is not known leads to refused."""
    steps = {step.question: step.answer for step in verdict.trail if step.question != UNKNOWN}
    if steps.get(ANONYMOUS) == "no" and (OBLIGATION in steps):
        steps.setdefault(TRANSFERS, "yes")  # nothing is handed to anybody, so it is not asked
    asked = [question for question in QUESTIONS if question in steps]
    path = [Edge(question, steps[question], _ENDS[question, steps[question]]) for question in asked]
    if verdict.undecided:
        return (*path, Edge(UNKNOWN, "no", LegalBasis.REFUSED))
    # What law or service needs of communications data stays anonymous where nobody is singled out.
    return (*path[:-1], path[-1]._replace(end=verdict.legal_basis))


def lines_of(node: str, verdict: Verdict | None) -> Iterator[str]:
    """Yield what stands in a box: the question and why it was answered so, or the legal basis."""
    if node in OPTS:
        yield node.replace("_", " ")
        yield OPTS[LegalBasis(node)]
        return
    yield node
    yield from _because(node, verdict)


def _because(question: str, verdict: Verdict | None) -> list[str]:
    """Return the field that answered a question, and the article."""
    steps = [step for step in verdict.trail if step.question == question] if verdict is not None else []
    if not steps:
        return []
    if question == UNKNOWN and verdict is not None and verdict.undecided:
        return [_cut(", ".join(verdict.undecided)), steps[0].because.article]
    because = steps[0].because
    return [_cut(f"{because.field}: {_value(because.value)}"), _cut(because.article)]


def _cut(text: str, longest: int = 48) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_value(item) for item in value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
