"""k, distinct l and t of a published table, in one statement that reads it once: for whoever asks no more than that."""

from collections.abc import Sequence

from trustmart.anonymity.disclosure import Disclosure
from trustmart.anonymizing.words import Dialect, listed, numbered, quoted
from trustmart.warehouse import Session


def disclosure(
    session: Session, relation: str, quasi_identifiers: Sequence[str], *, sensitive: Sequence[str] = ()
) -> Disclosure:
    """Measure a relation of the engine; as `trustmart.anonymity.disclosure.measure_disclosure` does with rows.

    The same three figures are in `inspect_table` among all others, which take several times as long.
    Raises StatementFailed where the relation lacks a column.
    """
    ((smallest, *found),) = session.rows(_statement(relation, quasi_identifiers, sensitive, session.dialect))
    return Disclosure(
        smallest_class_size=None if smallest is None else int(smallest),
        smallest_diversity=dict(zip(sensitive, found[::2], strict=True)),
        largest_t=dict(zip(sensitive, found[1::2], strict=True)),
    )


def _statement(relation: str, quasi_identifiers: Sequence[str], sensitive: Sequence[str], dialect: Dialect) -> str:
    """Return the statement: combinations are counted once, and everything else is reckoned from those counts.

    Columns get names of ours, so that theirs may be anything.
    """
    keys = [f"key_{place}" for place in range(len(quasi_identifiers))]
    values = [f"value_{place}" for place in range(len(sensitive))]
    columns = [quoted(column) for column in [*quasi_identifiers, *sensitive]]
    named = listed(f"{column} as {name}" for column, name in zip(columns, [*keys, *values], strict=True))
    statements = [
        f"counted as (select {named}, cast(count(*) as double) as people from {relation} group by {listed(columns)})",
        f"sizes as (select {listed(keys)}, sum(people) as size from counted group by {listed(keys)})",
        # A class is grouped by its number from here on, which is quicker than by its labels.
        f"classes as (select sizes.*, {numbered(keys, dialect)} as class from sizes)",
    ]
    if not sensitive:
        return f"with {', '.join(statements)} select min(size) from classes"
    for value in values:
        statements += _judge(value, keys, is_alone=len(values) == 1)
    figures = listed(f"worst_{value}.l, worst_{value}.t" for value in values)
    worst = " cross join ".join(f"worst_{value}" for value in values)
    return f"with {', '.join(statements)} select worst_{values[0]}.size, {figures} from {worst}"


def _judge(value: str, keys: Sequence[str], *, is_alone: bool) -> list[str]:
    """Return `worst_<value>`: the smallest class, the smallest l and the largest t for one sensitive column.

    Only what a class has too much of is added up for t: it has as much too little of other values, and t is half of
    both together. So a value that a class lacks altogether need not be thought of.
    """
    key = listed(keys)
    same = " and ".join(f"classes.{name} is not distinct from held.{name}" for name in keys)
    # With one sensitive column, what was counted is grouped by it already.
    regrouped = f"select {key}, {value}, sum(people) as people from counted group by {key}, {value}"
    return [
        f"held_{value} as ({'select * from counted' if is_alone else regrouped})",
        f"shares_{value} as (select {value}, sum(people) / (select sum(size) from classes) as share"
        f" from held_{value} group by {value})",
        f"judged_{value} as (select max(size) as size, count(*) as l,"
        " sum(case when people / size > share then people / size - share else 0 end) as t"
        f" from held_{value} as held join classes on {same}"
        f" join shares_{value} as shares on shares.{value} is not distinct from held.{value} group by class)",
        f"worst_{value} as (select min(size) as size, min(l) as l, max(t) as t from judged_{value})",
    ]
