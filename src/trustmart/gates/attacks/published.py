"""SQL that the attacks have in common: what a candidate shows, compared as an outsider sees it."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from trustmart.gates.attacks.sharing import shared
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, columns_of, quoted
from trustmart.warehouse import DOOR_SCHEMA
from trustmart.warehouse.release_history import class_id_of

# How a null is written where it is compared with labels: the door uses the same sign in its class ids.
NULL_SIGN = "∅"


def text(column: str) -> str:
    """Return a column as text in which null is a value like any other."""
    return f"coalesce(cast({quoted(column)} as varchar), '{NULL_SIGN}')"


def texts(columns: Iterable[str]) -> str:
    """Return several columns as texts, under their own names."""
    return ", ".join(f"{text(column)} as {quoted(column)}" for column in columns)


def names(columns: Iterable[str]) -> str:
    """Return quoted names in a row."""
    return ", ".join(quoted(column) for column in columns)


def literal(value: str | None) -> str:
    """Return a text literal, null as its sign."""
    return "'" + (NULL_SIGN if value is None else value).replace("'", "''") + "'"


def class_id(columns: Sequence[str]) -> str:
    """Return the id under which the door knows a class: a digest of its labels in policy's order."""
    return class_id_of(quoted(column) for column in columns)


def records_of(mart: str) -> str:
    """Return the full name of the records that the door made a mart from."""
    return f"restricted.{DOOR_SCHEMA}.{quoted(mart)}"


def members_of(mart: str) -> str:
    """Return the full name of the table that says who is in which class tonight."""
    return f"restricted.{DOOR_SCHEMA}.{quoted(mart + '__members')}"


def door_columns(reader: Reader, table: str) -> dict[str, str]:
    """Return the columns of one of the door's tables or views; empty where there is none."""
    return columns_of(reader, table, schema=DOOR_SCHEMA)


def missing_columns(reader: Reader, mart: str, columns: Iterable[str]) -> list[str]:
    """Return which columns a candidate lacks."""
    present = candidate_columns(reader, mart)
    return [column for column in columns if column not in present]


def classes(mart: str, columns: Iterable[str]) -> str:
    """Return the query of a candidate's classes: columns as `texts`, and how many rows show them as `published`."""
    return f"select {texts(columns)}, count(*) as published from {candidate(mart)} group by all"


def classes_of(reader: Reader, mart: str, columns: Sequence[str]) -> AbstractContextManager[str]:
    """Yield the full name of a table of a candidate's `classes`: shared among the attacks on the same columns."""
    return tabled(reader, mart, f"classes {' '.join(columns)}", classes(mart, columns))


def tabled(reader: Reader, mart: str, what: str, query: str) -> AbstractContextManager[str]:
    """Yield the full name of a table of what a query of a mart yields, shared under `what` or made for a `with`."""
    return shared(reader, mart, what, lambda table: reader.rows(f"create or replace table {table} as {query}"))


def rows_of(reader: Reader, mart: str) -> int:
    """Return how many rows a candidate has."""
    ((rows,),) = reader.rows(f"select count(*) from {candidate(mart)}")
    return int(rows)
