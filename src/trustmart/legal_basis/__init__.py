"""By what right data may be used: decided from the use case, never typed in. Pure rules, no engine."""

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.verdict import Because, Step, Verdict
from trustmart.legal_basis.world import World, world_of

__all__ = ["Because", "LegalBasis", "Step", "Verdict", "World", "world_of"]
