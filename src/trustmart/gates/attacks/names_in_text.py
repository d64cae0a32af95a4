"""G0, names: do texts name people of the CRM? Compared with everybody's names, not with a model's idea of a name."""

from collections.abc import Mapping, Sequence

from trustmart.gates.attacks.outcome import Attacked, attacked
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, columns_of, quoted, restricted
from trustmart.gates.report import Finding
from trustmart.gates.thresholds import bound

_LEAST_NAMES = 3


def names_in_text(
    reader: Reader, *, mart: str, known_in: Sequence[Sequence[str]], hierarchies: Mapping[str, str]
) -> Attacked:
    """Count texts of three words or more with somebody's full name in them, and columns that are lists of names.

    known_in: (raw table, given name, surname). A single word may be a name and a word (Spring, Summer), so it takes
    several names that are at least half of a column's different values.
    """
    texts = [
        name
        for name, kind in candidate_columns(reader, mart).items()
        if kind.startswith("VARCHAR") and name not in hierarchies
    ]
    known = [place for place in known_in if {*place[1:]} <= set(columns_of(reader, place[0]))]
    told = {column: _naming(reader, mart, column, known) for column in texts if known}
    lists = {column: _names(reader, mart, column, known) for column in texts if known}
    return attacked(
        "G0",
        [
            *(_found(column, f"{count} texts of {column} name somebody", count) for column, count in told.items()),
            *(
                _found(column, f"{column} is a column of {count} people's names", count)
                for column, count in lists.items()
            ),
        ],
        texts_that_name_somebody=sum(told.values()),
        columns_of_names=sum(1 for count in lists.values() if count),
    )


def _naming(reader: Reader, mart: str, column: str, known: Sequence[Sequence[str]]) -> int:
    """Count the texts in which two words that follow each other are somebody's full name."""
    shown = (
        "select value, words, unnest(range(1, len(words))) as place from (select value,"
        " regexp_split_to_array(trim(lower(value)), '[\\s,;:._/()-]+') as words from (select distinct"
        f" cast({quoted(column)} as varchar) as value from {candidate(mart)}) as texts) as split where len(words) > 2"
    )
    if not reader.rows(f"select 1 from ({shown}) as shown limit 1"):
        return 0
    full = " union all ".join(
        f"select lower(trim({quoted(a)})) || ' ' || lower(trim({quoted(b)})) as name from {restricted(table)}"
        for table, given, surname in known
        for a, b in ((given, surname), (surname, given))
    )
    ((count,),) = reader.rows(
        f"with pairs as (select value, words[place] || ' ' || words[place + 1] as name from ({shown}) as shown)"
        f" select count(distinct value) from pairs semi join ({full}) as known using (name)"
    )
    return int(count)


def _names(reader: Reader, mart: str, column: str, known: Sequence[Sequence[str]]) -> int:
    """Count the different values that are given names or surnames, where they are most of a column."""
    values = f"select distinct lower(trim(cast({quoted(column)} as varchar))) as name from {candidate(mart)}"
    ((different,),) = reader.rows(f"select count(*) from ({values}) as shown where name is not null")
    if different < _LEAST_NAMES:
        return 0
    single = " union all ".join(
        f"select lower(trim({quoted(name)})) as name from {restricted(table)}"
        for table, *both in known
        for name in both
    )
    ((found,),) = reader.rows(f"select count(*) from ({values}) as shown semi join ({single}) as known using (name)")
    return int(found) if found >= _LEAST_NAMES and found / different >= bound("column_of_names") else 0


def _found(column: str, what: str, count: int) -> Finding | None:
    """Say that a column names people."""
    if not count:
        return None
    return Finding(what=what, count=count, next_step=f"drop {column}, or publish labels of a hierarchy instead")
