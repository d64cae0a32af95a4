"""What several attacks want to know of a mart: made once, and kept until another mart is attacked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from trustmart.gates.measures_sql import Reader, columns_known, quoted

# Out of the zones' files.
SCHEMA = "memory.gate_shared"

# The tables made so far, by mart and by what they say of it.
_shared: ContextVar[dict[tuple[str, str], str] | None] = ContextVar("shared", default=None)


@contextmanager
def sharing(reader: Reader) -> Iterator[None]:
    """Keep what is made of a mart until another one's is, in a `with` in which nobody changes marts or history.

    Marts are attacked one after the other, and a million names of each would fill the memory. Which columns the tables
    have is asked once for all of them.
    """
    made: dict[tuple[str, str], str] = {}
    token, columns = _shared.set(made), columns_known.set({})
    try:
        yield
    finally:
        columns_known.reset(columns)
        _shared.reset(token)
        _drop(reader, made)


@contextmanager
def shared(reader: Reader, mart: str, what: str, make: Callable[[str], object]) -> Iterator[str]:
    """Yield the full name of a table of a mart, shared or made for this `with` alone.

    what: which table. make: makes it under the name it is given.
    """
    kept = _shared.get()
    made = {} if kept is None else kept
    if (mart, what) not in made:
        _drop(reader, {key: made.pop(key) for key in list(made) if key[0] != mart})
        reader.rows(f"create schema if not exists {SCHEMA}")
        make(table := f"{SCHEMA}.{quoted(f'{mart} {what}')}")
        made[mart, what] = table
    try:
        yield made[mart, what]
    finally:
        if kept is None:
            _drop(reader, made)


def _drop(reader: Reader, made: dict[tuple[str, str], str]) -> None:
    """Forget tables."""
    for table in made.values():
        reader.rows(f"drop table if exists {table}")
