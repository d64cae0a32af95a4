"""E-mail addresses: which ones are usable, which two reach the same person, and how they look on the wire."""

import hashlib
import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

# Google treats these as one mailbox whatever the dots and the +suffix
# (developers.google.com/data-manager/api/devguides/concepts/formatting).
_ONE_MAILBOX_DOMAINS = frozenset({"gmail.com", "googlemail.com"})


# RFC 5322, 3.2.3: a dot-atom of at most 64 characters, the plain local part that nearly every address has.
_DOT_ATOM = re.compile(r"(?=.{1,64}\Z)[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*\Z", re.ASCII)


def normalize_email(text: str | None) -> str | None:
    """Return the usable form of an address (trimmed, small letters), or None where nobody could be reached by it."""
    if text is None or not (candidate := text.strip()):
        return None
    local, _, domain = candidate.rpartition("@")
    if _DOT_ATOM.match(local) and len(candidate) <= 254:
        usable = _usable_domain(domain)
        return f"{local}@{usable}".lower() if usable else None
    return _normalize_with_library(candidate)


@lru_cache(maxsize=100_000)
def _usable_domain(domain: str) -> str | None:
    """Return a domain's normal form: a CRM has few of them, so each is judged once."""
    address = _normalize_with_library(f"x@{domain}")
    return address.removeprefix("x@") if address else None


def _normalize_with_library(candidate: str) -> str | None:
    """Let email-validator judge the whole address."""
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
