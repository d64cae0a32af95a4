"""Keyed pseudonyms: stable for one deployment, meaningless without its key (and personal data all the same)."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping


def subject_id(source: str, customer_id: str, *, key: str) -> str:
    """Return our name for a customer of a source: 32 hex characters of an HMAC-SHA-256."""
    return _digest(key, "subject", source, customer_id.strip())


def subject_ids(source: str, customer_ids: Iterable[str], *, key: str) -> list[str]:
    """Return our names for many customers of a source, each as subject_id gives it."""
    # A copy of a prepared HMAC is cheaper than a new one, and for short texts keeps the interpreter's lock.
    prepared = hmac.new(key.encode(), digestmod=hashlib.sha256)
    names = []
    for customer_id in customer_ids:
        mac = prepared.copy()
        mac.update(_joined("subject", source, customer_id.strip()))
        names.append(mac.hexdigest()[:32])
    return names


def tombstone(kind: str, value: str, *, key: str) -> str:
    """Return the digest that remembers an erased customer or contact point without keeping it."""
    return _digest(key, "tombstone", kind, value)


def _digest(key: str, *parts: str) -> str:
    """Digest the parts."""
    return hmac.digest(key.encode(), _joined(*parts), hashlib.sha256).hex()[:32]


def _joined(*parts: str) -> bytes:
    """Join the parts; a separator keeps ('ab', 'c') apart from ('a', 'bc')."""
    return "\x1f".join(parts).encode()


def member_id(fields: Mapping[str, str], *, key: str) -> str:
    """Return the id of what one destination is told about a person; another destination's ids do not match it."""
    # As JSON, so that no character in a value can be taken for the end of one field and the start of the next.
    return _digest(key, "member", json.dumps(dict(fields), sort_keys=True))
