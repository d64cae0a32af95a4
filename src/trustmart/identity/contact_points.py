"""E-mail addresses: which ones are usable, which two reach the same person, and how they look on the wire."""

import hashlib

from email_validator import EmailNotValidError, validate_email

# Google treats these as one mailbox whatever the dots and the +suffix
# (developers.google.com/data-manager/api/devguides/concepts/formatting).
_ONE_MAILBOX_DOMAINS = frozenset({"gmail.com", "googlemail.com"})


def normalize_email(text: str | None) -> str | None:
    """Return the usable form of an address (trimmed, small letters), or None where nobody could be reached by it."""
    if text is None or not (candidate := text.strip()):
        return None
    try:
        found = validate_email(candidate, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.normalized.lower()


def mailbox(normalized: str) -> str:
    """Return what two addresses share when they reach one mailbox: no +suffix; for Gmail no dots either."""
    local, _, domain = normalized.rpartition("@")
    local = local.split("+", 1)[0]
    if domain in _ONE_MAILBOX_DOMAINS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def hash_email(normalized: str) -> str:
    """Return the SHA-256, in hex, of a normalized address: what most platforms match on."""
    if "@" not in normalized:
        raise ValueError("not an address (was it hashed already?)")
    return hashlib.sha256(normalized.encode()).hexdigest()
