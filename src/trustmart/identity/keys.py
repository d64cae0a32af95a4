"""One master key, and a separate key derived from it for each use."""

import hashlib
import hmac


def derive_key(master: str, use: str) -> str:
    """Return the key for one use (64 hex characters): HMAC-SHA-256 of the use's name (NIST SP 800-108, feedback-free).

    Different uses get keys that say nothing about each other.
    """
    return hmac.digest(master.encode(), f"trustmart/{use}".encode(), hashlib.sha256).hex()
