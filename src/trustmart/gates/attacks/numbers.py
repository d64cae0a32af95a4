"""G0, numbers: figures that are somebody's number or phone, which no text comparison would see."""

from collections.abc import Sequence

from trustmart.gates.attacks.cube_inference import is_no_chance, own_values
from trustmart.gates.attacks.outcome import Attacked, attacked
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, columns_of, quoted, restricted
from trustmart.gates.report import Finding

# Shorter numbers are everybody's: of 10,000 nearly each is somebody's.
_SMALLEST = 10_000
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL")


def numbers_of_people(reader: Reader, *, mart: str, known_in: Sequence[Sequence[str]]) -> Attacked:
    """Count the figures that equal the digits of somebody's identifier, where that is no chance.

    known_in: (raw table, column). By chance: figures moved by a few of their own grains (see cube_inference); where
    numbers were given out without gaps, every number is somebody's, and nothing can be said.
    """
    known = [_digits(table, column) for table, column in known_in if column in columns_of(reader, table)]
    figures = [
        column
        for column, kind in candidate_columns(reader, mart).items()
        if kind.startswith(_NUMBERS)
        and not kind.endswith("]")
        and reader.rows(f"select 1 from {candidate(mart)} where {quoted(column)} >= {_SMALLEST} limit 1")
    ]
    found = {
        (column, place): own
        for column in figures
        for place, query in enumerate(known)
        if (own := own_values(reader, mart, column, [query], smallest=_SMALLEST)) is not None and is_no_chance(*own)
    }
    columns = {column: max(own[0] for (name, _), own in found.items() if name == column) for column, _ in found}
    return attacked("G0", [_leak(*one) for one in columns.items()], figures_of_people=sum(columns.values()))


def _digits(table: str, column: str) -> str:
    """Return the query of everybody's digits, as numbers."""
    digits = f"regexp_replace(cast({quoted(column)} as varchar), '[^0-9]', '', 'g')"
    return f"select try_cast({digits} as double) as value from {restricted(table)} where {quoted(column)} is not null"


def _leak(column: str, count: int) -> Finding:
    """Say that figures are people's numbers."""
    return Finding(
        what=f"{count} figures of {column} are known numbers of people",
        count=count,
        next_step=f"look how {column} is made: a number that names somebody is no figure",
    )
