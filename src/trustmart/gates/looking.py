"""One look at a mart, a check or an attack, whoever asks; and what Great Expectations' look brought back."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from trustmart.gates.attacks import ATTACKS, Attacked
from trustmart.gates.checks import CHECKS
from trustmart.gates.measures_sql import Reader
from trustmart.gates.zone_checks import ZONE_CHECKS

_heard: ContextVar[dict[str, Attacked] | None] = ContextVar("heard", default=None)


def look(check: str, reader: Reader, arguments: Mapping[str, Any]) -> Attacked:
    """Make a check or an attack. Attacks are dear: what one brought back is kept for whoever is listening."""
    if plain := CHECKS.get(check) or ZONE_CHECKS.get(check):
        return Attacked(attack="", findings=tuple(plain(reader, **arguments)))
    outcome = ATTACKS[check](reader, **arguments)
    if (heard := _heard.get()) is not None:
        heard[_key(check, arguments)] = outcome
    return outcome


@contextmanager
def listening() -> Iterator[dict[str, Attacked]]:
    """Yield what attacks bring back for the time of a `with`; ask it with `told`."""
    heard: dict[str, Attacked] = {}
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def told(heard: Mapping[str, Attacked], check: str, arguments: Mapping[str, Any]) -> Attacked | None:
    """Return what an attack with these arguments brought back, or None where it was not made."""
    return heard.get(_key(check, arguments))


def _key(check: str, arguments: Mapping[str, Any]) -> str:
    """Return one name for a check and its arguments."""
    return f"{check} {json.dumps(dict(arguments), sort_keys=True, default=list)}"
