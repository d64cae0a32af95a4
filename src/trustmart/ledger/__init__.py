"""Append-only proof of what was released, sent and erased: counts and digests, never a person."""

from trustmart.ledger.chain import Entry, Ledger
from trustmart.ledger.manifests import ReleaseChain, Sealed

__all__ = ["Entry", "Ledger", "ReleaseChain", "Sealed"]
