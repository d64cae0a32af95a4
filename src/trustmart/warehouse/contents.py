"""What a published table holds, as one digest, and what changed between two of them: counts, never a value."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from trustmart.warehouse.describing import described
from trustmart.warehouse.protocol import Session
from trustmart.warehouse.release_history import class_id_of


def tables_in(session: Session, database: str) -> list[str]:
    """Return the names of a published file's tables and views. database: the name it is opened under."""
    found = session.rows(
        "select table_name from duckdb_tables() where database_name = ?"
        " union select view_name from duckdb_views() where database_name = ? and not internal order by 1",
        [database, database],
    )
    return [name for (name,) in found]


def columns_in(session: Session, database: str, table: str) -> dict[str, str]:
    """Return a published table's columns and types; empty where there is no such table."""
    return described(session, database, "main", table)


def content_digest(session: Session, database: str, table: str) -> str:
    """Return the SHA-256, in hex, of a table: its columns, their types, and its rows in whatever order.

    A table that is not there has a digest of its own.
    """
    columns = columns_in(session, database, table)
    if not columns:
        return hashlib.sha256(b"no such table").hexdigest()
    # Microdata has few different rows: each is digested once, with how often it stands there.
    ((rows, contents),) = session.rows(
        "select coalesce(sum(times), 0), coalesce(sha256(string_agg(row_digest || times, ' ' order by row_digest)), '')"
        " from (select sha256(row_text) as row_digest, times from"
        f" (select {row_text(columns)} as row_text, count(*) as times from {database}.{_quoted(table)} group by all)"
        " as counted) as digests"
    )
    return digest_of(columns, int(rows), str(contents))


def digest_of(columns: dict[str, str], rows: int, contents: str) -> str:
    """Digest what a table is: columns in their order, how many rows, and the digest of its sorted, counted rows."""
    told = json.dumps([list(columns.items()), rows, contents], ensure_ascii=True)
    return hashlib.sha256(told.encode()).hexdigest()


def row_text(columns: Sequence[str] | dict[str, str]) -> str:
    """Return the expression of a row as text: every value behind its length in bytes, null as a bare sign.

    No two rows have the same text, whatever their values hold (netstrings, D. J. Bernstein 1997).
    """
    values = (f"cast({_quoted(column)} as varchar)" for column in columns)
    return " || ".join(f"coalesce(strlen({value}) || ':' || {value}, '-')" for value in values)


def class_changes(
    session: Session, before: str, after: str, *, classes: Sequence[str], columns: Sequence[str]
) -> dict[str, int]:
    """Count the classes that came, went, and show other figures.

    before, after: full names of two versions of a mart. classes: the columns whose combination is a class. columns: all
    that both have.
    """
    ((added, removed, changed),) = session.rows(
        f"with before as ({_by_class(before, classes, columns)}), after as ({_by_class(after, classes, columns)})"
        " select count(*) filter (where b.class_id is null), count(*) filter (where a.class_id is null),"
        " count(*) filter (where a.contents <> b.contents)"
        " from before as b full join after as a on a.class_id = b.class_id"
    )
    return {"added": int(added), "removed": int(removed), "changed": int(changed)}


def _by_class(table: str, classes: Sequence[str], columns: Sequence[str]) -> str:
    """Return the statement that yields each class's id and the digests of its rows in a row."""
    return (
        f"select class_id, string_agg(row_digest, '' order by row_digest) as contents from"
        f" (select {class_id_of(map(_quoted, classes))} as class_id, sha256({row_text(columns)}) as row_digest"
        f" from {table}) as rows group by class_id"
    )


def one_row(session: Session, database: str, table: str) -> dict[str, Any]:
    """Return a table's only row by column; empty where there is no such table, or not exactly one row."""
    columns = columns_in(session, database, table)
    rows = session.rows(f"from {database}.{_quoted(table)} limit 2") if columns else []
    return dict(zip(columns, rows[0], strict=True)) if len(rows) == 1 else {}


def _quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'
