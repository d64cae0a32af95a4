"""G0, numbers: figures that are somebody's number or phone, which no text comparison would see."""

from collections.abc import Sequence

from trustmart.gates.attacks.cube_inference import is_no_chance, own_values
from trustmart.gates.attacks.known import NO_DIGITS, known_texts
from trustmart.gates.attacks.outcome import Attacked, attacked
from trustmart.gates.known_texts import kept
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
    texts = known_texts(reader, known_in) if figures else []
    known = [f"select value from {kept(reader, _digits(query))} as known_texts" for query in texts]
    found = {
        (column, place): own
        for column in figures
        for place, query in enumerate(known)
        if (own := own_values(reader, mart, column, [query], smallest=_SMALLEST)) is not None and is_no_chance(*own)
    }
    columns = {column: max(own[0] for (name, _), own in found.items() if name == column) for column, _ in found}
    return attacked("G0", [_leak(*one) for one in columns.items()], figures_of_people=sum(columns.values()))


def _digits(known: str) -> str:
    """Return the query of everybody's digits, as numbers, each once. known: a query of `form`."""
    digits = f"regexp_replace(form, '{NO_DIGITS}', '', 'g')"
    values = f"select try_cast({digits} as double) as value from ({known}) as known_texts"
    return f"select distinct value from ({values}) as raws where value is not null"


def _leak(column: str, count: int) -> Finding:
    """Say that figures are people's numbers."""
    return Finding(
        what=f"{count} figures of {column} are known numbers of people",
        count=count,
        next_step=f"look how {column} is made: a number that names somebody is no figure",
    )
