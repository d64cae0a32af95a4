"""G0, numbers: figures that are somebody's number or phone, which no text comparison would see."""

from collections.abc import Sequence

from trustmart.gates.attacks.cube_inference import is_no_chance, own_values_at
from trustmart.gates.attacks.outcome import Attacked, attacked
from trustmart.gates.known_forms import known_forms
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, quoted
from trustmart.gates.report import Finding

# Shorter numbers are everybody's: of 10,000 nearly each is somebody's.
_SMALLEST = 10_000
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL")


def numbers_of_people(reader: Reader, *, mart: str, known_in: Sequence[Sequence[str]]) -> Attacked:
    """Count the figures that equal the digits of somebody's identifier, where that is no chance.

    known_in: (raw table, column). By chance: figures moved by a few of their own grains (see cube_inference); where
    numbers were given out without gaps, every number is somebody's, and nothing can be said.
    """
    figures = [
        column
        for column, kind in candidate_columns(reader, mart).items()
        if kind.startswith(_NUMBERS)
        and not kind.endswith("]")
        and reader.rows(f"select 1 from {candidate(mart)} where {quoted(column)} >= {_SMALLEST} limit 1")
    ]
    forms = known_forms(reader, known_in) if figures else []
    known = [f"select number as value from {one.hashes} as known where number is not null" for one in forms]
    found = own_values_at(reader, mart, figures, known, smallest=_SMALLEST)
    columns: dict[str, int] = {}
    for (column, _), own in found.items():
        if is_no_chance(*own):
            columns[column] = max(own[0], columns.get(column, 0))
    return attacked("G0", [_leak(*one) for one in columns.items()], figures_of_people=sum(columns.values()))


def _leak(column: str, count: int) -> Finding:
    """Say that figures are people's numbers."""
    return Finding(
        what=f"{count} figures of {column} are known numbers of people",
        count=count,
        next_step=f"look how {column} is made: a number that names somebody is no figure",
    )
