"""The ledger's entries of kind `epsilon`: what was drawn, for whom, and at what cost."""

from datetime import datetime

from trustmart.anonymity.budget import Spend
from trustmart.anonymizing.noise.keeping import KeptDraw, kept_draws
from trustmart.ledger import Ledger
from trustmart.warehouse import Session

KIND = "epsilon"
_OF_SPEND = ("population", "year", "mart", "epsilon", "delta", "released_for")


def spends_of(ledger: Ledger) -> list[Spend]:
    """Return every spend there ever was, oldest first; raises LedgerBroken."""
    return [Spend(**{name: entry.facts[name] for name in _OF_SPEND}) for entry in ledger.entries(KIND)]


def paid_draws(ledger: Ledger) -> set[str]:
    """Return the draws that the ledger has a spend for."""
    return {entry.facts["draw_id"] for entry in ledger.entries(KIND)}


def pay(ledger: Ledger, draw: KeptDraw, *, population: str, year: int, at: datetime) -> None:
    """Record what a draw has cost; it is on disk before this returns."""
    facts = {
        "population": population,
        "year": year,
        "mart": draw.mart,
        "epsilon": draw.epsilon,
        "delta": draw.delta,
        "mechanism": draw.mechanism,
        "released_for": draw.released_for,
        "draw_id": draw.draw_id,
        "declaration": draw.declaration,
    }
    ledger.record(KIND, facts, at=at)


def unpaid_draws(session: Session, ledger: Ledger, *, mart: str) -> int:
    """Return how many kept draws of a mart the ledger has no spend for: what the gate asks to be 0."""
    paid = paid_draws(ledger)
    return sum(draw.draw_id not in paid for draw in kept_draws(session, mart=mart))
