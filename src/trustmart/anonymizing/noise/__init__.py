"""Differentially private cubes: bounded in SQL, drawn by OpenDP, paid for in the ledger."""

from trustmart.anonymizing.noise.cube import make_noisy_cube
from trustmart.anonymizing.noise.spending import spends_of, unpaid_draws

__all__ = ["make_noisy_cube", "spends_of", "unpaid_draws"]
