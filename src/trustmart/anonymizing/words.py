"""SQL that every statement here is made of. What Spark does not know is avoided."""

from collections.abc import Iterable

from trustmart.anonymity.hierarchy import Matching


def quoted(name: str) -> str:
    """Quote a column's name."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str]) -> str:
    """Return names with commas."""
    return ", ".join(names)


def class_id(columns: Iterable[str]) -> str:
    """Return what names a row's class: a digest of its labels, in their order. Nulls are labels too."""
    labels = listed(f"coalesce(cast({quoted(column)} as varchar), '∅')" for column in columns)
    return f"md5(concat_ws('|', {labels}))"


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
    return value if data_type.upper() == "VARCHAR" else f"cast({value} as varchar)"
