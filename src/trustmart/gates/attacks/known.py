"""What the restricted zone knows of everybody, for attacks: each text once, whichever tables deliver it."""

from collections.abc import Iterable, Sequence

from trustmart.gates.measures_sql import Reader, columns_of_raw, quoted, restricted

# Every sign but a digit, so many at once: one by one takes several times as long.
NO_DIGITS = "[^0-9]+"


def known_texts(reader: Reader, known_in: Iterable[Sequence[str]]) -> list[str]:
    """Return a query of every different text, as `form`, for each identifier that the night delivered.

    known_in: (raw table, column), or (raw table, given name, surname). The same columns of several tables are the same
    identifier: a customer's number stands in millions of rows, and is worked on once.
    """
    places = [(table, tuple(columns)) for table, *columns in known_in]
    present = columns_of_raw(reader, (table for table, _ in places))
    found: dict[tuple[str, ...], list[str]] = {}
    for table, columns in dict.fromkeys(places):
        if set(columns) <= present[table]:
            text = " || ' ' || ".join(f"trim(cast({quoted(column)} as varchar))" for column in columns)
            found.setdefault(columns, []).append(
                f"select {text} as form from {restricted(table)} where {text} is not null"
            )
    return [f"select distinct form from ({' union all '.join(parts)}) as texts" for parts in found.values()]
