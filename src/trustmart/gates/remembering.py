"""What the gate works out once a night, whichever mart asks for it: kept in the engine's memory while it looks."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from trustmart.gates.measures_sql import Reader

SCHEMA = "memory.gate_known_texts"


@dataclass(slots=True)
class Remembered:
    """What was worked out so far.

    kept: queries made tables. asked: sets of identifiers that texts were looked up in. facts: whatever else is known.
    """

    kept: list[str] = field(default_factory=list)
    asked: list[Hashable] = field(default_factory=list)
    facts: dict[Hashable, Any] = field(default_factory=dict)


_remembered: ContextVar[Remembered | None] = ContextVar("remembered", default=None)


@contextmanager
def remembering(reader: Reader) -> Iterator[None]:
    """Remember what is worked out for the time of a `with`, in which nobody may change the raw tables."""
    token = _remembered.set(Remembered())
    try:
        yield
    finally:
        _remembered.reset(token)
        reader.rows(f"drop schema if exists {SCHEMA} cascade")


def remembered() -> Remembered | None:
    """Return what is remembered, for whoever keeps something of their own; None where nobody is `remembering`."""
    return _remembered.get()


def kept(reader: Reader, query: str) -> str:
    """Return what to read in a query's place: its rows, which are worked out once while somebody is `remembering`.

    query: of raw tables only, and without values that are told apart by who asks. Outside, the query itself.
    """
    if (known := remembered()) is None:
        return f"({query})"
    if query not in known.kept:
        table = f"{SCHEMA}.kept_{len(known.kept)}"
        reader.rows(f"create schema if not exists {SCHEMA}")
        reader.rows(f"create or replace table {table} as {query}")
        known.kept.append(query)
    return f"{SCHEMA}.kept_{known.kept.index(query)}"
