"""A SQLAlchemy dialect through which Great Expectations reads the session that the warehouse has opened.

Nothing secret is in the URL (`duckdb+gx://`): the connection comes from a context variable, already attached.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import duckdb_engine
from sqlalchemy.dialects import registry

from trustmart.warehouse import Session

URL = "duckdb+gx://"
_connect: ContextVar[Callable[[], Any]] = ContextVar("gate_connection")


class GateDialect(duckdb_engine.Dialect):
    """DuckDB for reading: Great Expectations fetches after closing, and a rollback would drop the result."""

    supports_statement_cache = False

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """Return another cursor of the warehouse's own connection."""
        return duckdb_engine.ConnectionWrapper(_connect.get()())

    def do_begin(self, connection: Any) -> None:
        """Begin nothing: only queries come this way."""

    def do_rollback(self, connection: Any) -> None:
        """Keep the result that is still to be fetched."""

    def do_commit(self, connection: Any) -> None:
        """Commit nothing."""


registry.register("duckdb.gx", __name__, GateDialect.__name__)


@contextmanager
def reading(session: Session, schema: str) -> Iterator[str]:
    """Yield the URL under which SQLAlchemy finds a warehouse session, for the time of a `with`.

    schema: where tables are looked for that are named alone, as `zone.schema`.
    """
    opened: list[Any] = []

    def connect() -> Any:
        cursor = session._connection.cursor()  # type: ignore[attr-defined]
        cursor.execute(f"use {schema}")
        opened.append(cursor)
        return cursor

    token = _connect.set(connect)
    try:
        yield URL
    finally:
        _connect.reset(token)
        for cursor in opened:
            cursor.close()
