"""SQL that every statement here is made of, as DuckDB and Spark read it. Where they differ, they differ here."""

from collections.abc import Iterable, Sequence
from typing import Literal

from trustmart.anonymity.hierarchy import Matching
from trustmart.warehouse.release_history import class_id_of

Dialect = Literal["duckdb", "spark"]

# Every block of a written file repeats the whole enumeration.
_FEW_LABELS = 1000


def quoted(name: str) -> str:
    """Quote a column's name."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str]) -> str:
    """Return names with commas."""
    return ", ".join(names)


def class_id(columns: Iterable[str]) -> str:
    """Return what names a row's class: a digest of its labels, in their order. Nulls are labels too."""
    return class_id_of(quoted(column) for column in columns)


def label_expression(value: str, labels: Sequence[str], dialect: Dialect) -> str:
    """Return an expression as one of the labels.

    As an enumeration they are written to Parquet (as text still) in a third of the time; that pays for few labels.
    """
    if dialect == "spark" or not 0 < len(labels) <= _FEW_LABELS:
        return value
    return f"cast({value} as enum({listed(literal(label) for label in labels)}))"


def literal(text: str, dialect: Dialect = "duckdb") -> str:
    """Return a text as SQL has it."""
    escaped = text.replace("\\", "\\\\") if dialect == "spark" else text
    return "'" + escaped.replace("'", "''") + "'"


def kept(statement: str, dialect: Dialect) -> str:
    """Return a statement in brackets whose rows are worked out once, where an engine can be told so."""
    return f"({statement})" if dialect == "spark" else f"materialized ({statement})"


def numbered(columns: Iterable[str], dialect: Dialect) -> str:
    """Return a number for each row of different columns; an engine that may work it out twice needs an order for it."""
    return f"row_number() over (order by {listed(columns)})" if dialect == "spark" else "row_number() over ()"


def parquet_relation(path: str, dialect: Dialect) -> str:
    """Return what stands for a Parquet file."""
    return f"parquet.`{path.replace('`', '``')}`" if dialect == "spark" else f"read_parquet({literal(path)})"


def type_name(data_type: str) -> str:
    """Return an engine's name of a type as the statements here ask for it."""
    return "VARCHAR" if data_type.upper() == "STRING" else data_type.upper()


def leaf_expression(matching: Matching, value: str, data_type: str, interval: float) -> str:
    """Return what finds a value's leaf: its day, its interval, or its text; null where it has none.

    value: an expression; data_type: its type in the engine. Instants with a zone count by their day in UTC.
    """
    if matching == "day":
        if data_type.upper() == "DATE":
            return value
        instant = value if data_type.upper().startswith("TIMESTAMP") else f"try_cast({value} as timestamp)"
        return f"cast({instant} as date)"
    if matching == "interval":
        return f"try_cast(floor(try_cast({value} as double) / {interval!r}) as bigint)"
    return value if data_type.upper() == "VARCHAR" else f"cast({value} as string)"
