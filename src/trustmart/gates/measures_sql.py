"""The measures of trustmart.anonymity, computed inside the warehouse. Standard SQL; only counts come out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from trustmart.anonymity import ClassMeasures, summarize_sizes
from trustmart.warehouse import CANDIDATE_SCHEMA
from trustmart.warehouse.describing import described

SUPPRESSION_TABLE = "suppression_by_mart"


# The columns of tables that were asked for, where somebody has promised that none will change.
columns_known: ContextVar[dict[tuple[str, str, str], dict[str, str]] | None] = ContextVar("columns_known", default=None)


class Reader(Protocol):
    """What a measure needs of a connection: a warehouse session has it, as has Great Expectations."""

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """How many people a mart's door let through, and how many it kept back."""

    people_total: int
    people_suppressed: int


def quoted(name: str) -> str:
    """Quote a column's or table's name."""
    return '"' + name.replace('"', '""') + '"'


def candidate(mart: str) -> str:
    """Return the full name of a mart that is not anonymous until the gate says so."""
    return f"restricted.{CANDIDATE_SCHEMA}.{quoted(mart)}"


def restricted(table: str) -> str:
    """Return the full name of a table of the restricted zone."""
    return f"restricted.main.{quoted(table)}"


def columns_of(reader: Reader, table: str, *, schema: str = "main", zone: str = "restricted") -> dict[str, str]:
    """Return a table's columns and their types, in capitals; empty where there is no such table."""
    known, place = columns_known.get(), (zone, schema, table)
    if known is not None and place in known:
        return known[place]
    found = {name: data_type.upper() for name, data_type in described(reader, *place).items()}
    if known is not None:
        known[place] = found
    return found


def columns_of_raw(reader: Reader, tables: Iterable[str]) -> dict[str, set[str]]:
    """Return the columns of several tables of the restricted zone; empty where there is no such table."""
    return {table: set(columns_of(reader, table)) for table in dict.fromkeys(tables)}


def candidate_columns(reader: Reader, mart: str) -> dict[str, str]:
    """Return a candidate's columns and their types; empty where there is no such mart."""
    return columns_of(reader, mart, schema=CANDIDATE_SCHEMA)


def people_of(class_size: str | None) -> str:
    """Return how many people a row stands for: what the mart says, or one where a row is a person.

    A NaN is larger than every number, and stands for nobody.
    """
    if not class_size:
        return "1"
    return f"case when {quoted(class_size)} > 0 and {quoted(class_size)} < 1e18 then {quoted(class_size)} else 0 end"


def measure_mart(
    reader: Reader, mart: str, *, columns: Sequence[str], class_size: str | None, minimum: int
) -> ClassMeasures:
    """Measure a candidate by what it publishes: group by keeps nulls, so they are classes like any other."""
    keys = ", ".join(quoted(column) for column in columns)
    repeats = "count(*)" if class_size else "1"
    found = reader.rows(
        f"with classes as ("
        # The columns themselves are left behind: one of them may be called what a count is called here.
        f" select sum({people_of(class_size)}) as people, {repeats} as appearances"
        f" from {candidate(mart)} group by {keys}"
        f") select cast(people as bigint), count(*), sum({'appearances' if class_size else 'people'}),"
        f" sum(case when appearances > 1 then 1 else 0 end) from classes group by people"
    )
    sizes: Counter[int] = Counter()
    for people, classes, _, _ in found:
        sizes[int(people)] += int(classes)
    return summarize_sizes(
        sizes,
        minimum=minimum,
        rows=sum(int(rows) for _, _, rows, _ in found),
        classes_in_several_rows=sum(int(repeated) for _, _, _, repeated in found),
    )


def suppression_of(reader: Reader, mart: str) -> list[Suppression] | None:
    """Return what the pipeline says it kept back of a mart (one row, if all is well)."""
    if not columns_of(reader, SUPPRESSION_TABLE):
        return None
    found = reader.rows(
        "select coalesce(people_total, -1), coalesce(people_suppressed, -1)"
        f" from {restricted(SUPPRESSION_TABLE)} where mart = ?",
        [mart],
    )
    return [Suppression(people_total=int(total), people_suppressed=int(kept)) for total, kept in found]


def people_published(reader: Reader, mart: str, class_size: str | None) -> int:
    """Return the sum of the class sizes."""
    found = reader.rows(f"select sum({people_of(class_size)}) from {candidate(mart)}")
    return int(found[0][0] or 0)
