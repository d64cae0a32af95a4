"""A CRM in a database: what changed since the watermark, streamed through SQLAlchemy."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from psycopg.types.string import TextLoader

from trustmart.errors import SourceMissing, SourceUnreadable
from trustmart.policy import Location, Table
from trustmart.sources.pages import PAGE_ROWS, Page, as_text


def header(location: Location, table: Table) -> tuple[str, ...]:
    """Return the column names of the table."""
    engine = _engine(location)
    try:
        found = sa.inspect(engine).get_columns(table.source_name, schema=location.database_schema)
    except sa.exc.NoSuchTableError:
        raise SourceMissing(
            f"the database in {location.url_env} has no table {table.source_name!r}"
            f" in schema {location.database_schema or '(default)'}"
        ) from None
    except sa.exc.SQLAlchemyError as error:
        kind = type(error).__name__
        raise SourceUnreadable(f"the database in {location.url_env} does not answer ({kind})") from None
    finally:
        engine.dispose()
    return tuple(column["name"] for column in found)


def pages(location: Location, table: Table, columns: tuple[str, ...], *, since: datetime | None) -> Iterator[Page]:
    """Yield the rows whose watermark column is not before `since` less the lookback; all of them where it is None."""
    engine = _engine(location)
    number = 0
    try:
        with engine.connect().execution_options(stream_results=True, yield_per=PAGE_ROWS) as connection:
            for rows in connection.execute(_query(location, table, columns, since)).partitions():
                yield _page(columns, rows, number)
                number += len(rows)
    except sa.exc.SQLAlchemyError as error:
        kind = type(error).__name__
        raise SourceUnreadable(f"reading {table.source_name} from {location.url_env} broke off ({kind})") from None
    finally:
        engine.dispose()


def _query(location: Location, table: Table, columns: tuple[str, ...], since: datetime | None) -> sa.Select[Any]:
    """Select every column, mapped or not, of the rows that may be new."""
    origin = sa.table(table.source_name, *(sa.column(name) for name in columns), schema=location.database_schema)
    query = sa.select(*origin.columns)
    if table.watermark is None:
        return query
    cursor = origin.columns[table.columns[table.watermark].source_name]
    if since is not None:
        # Without its time zone, a server elsewhere would take the instant for its own local time.
        from_then = since.replace(tzinfo=UTC) - timedelta(days=table.lookback_days)
        bound = sa.bindparam("since", from_then, type_=sa.DateTime(timezone=True))
        query = query.where(sa.or_(cursor >= bound, cursor.is_(None)))
    return query.order_by(cursor)


def _page(columns: tuple[str, ...], rows: Any, number: int) -> Page:
    """Turn rows into text columns."""
    arrays = [pa.array([_text(value) for value in values], pa.string()) for values in zip(*rows, strict=True)]
    return Page(records=as_text(columns, arrays, range(number + 1, number + len(rows) + 1)))


def _text(value: Any) -> str | None:
    """Write a value the way a CSV export would."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _engine(location: Location) -> sa.Engine:
    """Open the database that the environment variable names."""
    url = os.environ.get(location.url_env or "")
    if not url:
        raise SourceMissing(f"the CRM is in a database, but {location.url_env} (its URL) is not set")
    try:
        engine = sa.create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError):
        raise SourceUnreadable(f"{location.url_env} does not hold a database URL") from None
    except ModuleNotFoundError as error:
        raise SourceUnreadable(f"{location.url_env} asks for a driver that is not installed: {error.name}") from None
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "connect", _speak_plainly)
    return engine


def _speak_plainly(connection: Any, _: Any) -> None:
    """Have PostgreSQL say instants in UTC, and hand days and instants over as text: `infinity` is no Python date."""
    connection.execute("set timezone = 'UTC'")
    connection.execute("set datestyle = 'ISO'")
    connection.commit()
    if adapters := getattr(connection, "adapters", None):
        for name in ("date", "timestamp", "timestamptz"):
            adapters.register_loader(name, TextLoader)
