"""G4, inference from cubes: does a figure say something about everybody in its cell, or about one person of it?"""

from collections.abc import Mapping, Sequence
from math import exp, lgamma, log

from trustmart.gates.attacks.outcome import Attacked, attacked, lacking
from trustmart.gates.attacks.published import missing_columns
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, columns_of, quoted, restricted
from trustmart.gates.report import Finding
from trustmart.gates.thresholds import bound

# By how many of its own grains a figure is moved for the control, to both sides.
_MOVES = tuple(range(1, 11))
_GRAINS = (1000, 100, 50, 10, 5, 1, 0.1, 0.01)
_MOST_FIGURES = 2000


def cube_inference(
    reader: Reader, *, mart: str, class_size: str, shares: Sequence[str], amounts: Mapping[str, Sequence[Sequence[str]]]
) -> Attacked:
    """Attack the figures of a cube.

    shares: measures of something that is true or not: as a share, a number of people, or a truth value of all of them.
    amounts: measures of a number that a source delivers -> the (raw table, column) pairs where everybody's own stand.
    """
    if missing := missing_columns(reader, mart, [class_size, *shares, *amounts]):
        return lacking("G4", missing)
    present = candidate_columns(reader, mart)
    certain = {column: _certain(reader, mart, column, class_size, present[column]) for column in shares}
    own = {
        column: found
        for column, places in amounts.items()
        if not present[column].startswith("VARCHAR")  # it is no figure, and held for that
        if (found := own_values(reader, mart, column, _raw_values(reader, places))) is not None
    }
    return attacked(
        "G4",
        [
            *(_everybody(column, count) for column, count in certain.items()),
            *(_one_person(column, *found) for column, found in own.items()),
        ],
        cells_that_tell_of_everybody=sum(certain.values()),
        figures_of_one_person=sum(found[0] for found in own.values() if is_no_chance(*found)),
    )


def _certain(reader: Reader, mart: str, column: str, class_size: str, data_type: str) -> int:
    """Count the cells whose share is nearer to nobody or everybody than policy allows (a null says nothing)."""
    name, margin = quoted(column), bound("share_margin")
    if data_type == "BOOLEAN":
        ((cells,),) = reader.rows(f"select count({name}) from {candidate(mart)}")
        return int(cells)
    ((cells,),) = reader.rows(
        f"with told as (select cast({name} as double) as told, cast({quoted(class_size)} as double) as people,"
        f" max(cast({name} as double)) over () as most from {candidate(mart)} where {name} is not null),"
        " shares as (select case when most <= 1 then told else told / nullif(people, 0) end as share from told)"
        f" select count(*) from shares where share < {margin} - 1e-9 or (share > 1 - {margin} + 1e-9 and share <= 1)"
    )
    return int(cells)


def _raw_values(reader: Reader, places: Sequence[Sequence[str]]) -> list[str]:
    """Return a query of everybody's values for every place that there is."""
    return [
        f"select round(cast({quoted(raw)} as double), 4) as value from {restricted(table)}"
        for table, raw in places
        if raw in columns_of(reader, table)
    ]


def own_values(reader: Reader, mart: str, column: str, known: Sequence[str]) -> tuple[int, int, float] | None:
    """Return how many figures equal somebody's own value, of how many, and how often that happens by chance.

    known: queries of everybody's `value`, to four decimal places. None where there is nothing to try.
    """
    everybody = [" union all ".join(known)] if known else []
    return own_values_at(reader, mart, [column], everybody).get((column, 0))


def own_values_at(
    reader: Reader, mart: str, columns: Sequence[str], known: Sequence[str], *, smallest: float | None = None
) -> dict[tuple[str, int], tuple[int, int, float]]:
    """Return what `own_values` does for every column and every query of `value`, which are each read once.

    smallest: figures below it are left out. By chance: figures moved by a few of their own grains (the roundest step
    that they all keep to), so that a mean to the nearest 50 is compared with other multiples of 50: round values, which
    people often have, are in both groups.
    """
    grains = {column: _grain(reader, mart, _number(column)) for column in columns} if known else {}
    tried = {column: _tried(mart, column, grain, smallest) for column, grain in grains.items() if grain is not None}
    if not tried:
        return {}
    names = list(tried)
    every = " union all ".join(
        f"select {number} as figures, * from ({tried[name]})" for number, name in enumerate(names)
    )
    places = " union all ".join(
        f"select {place} as place, value from ({query}) as raws" for place, query in enumerate(known)
    )
    found = reader.rows(
        f"with tried as materialized ({every}),"
        f" known as (select distinct place, value from ({places}) as places where value in (select value from tried)),"
        " totals as (select figures, sum(is_own) as told, sum(1 - is_own) as moved from tried group by figures),"
        " hits as (select figures, place, sum(is_own) as same, sum(1 - is_own) as moved"
        " from tried join known using (value) group by figures, place),"
        f" every_place as (select unnest(range({len(known)})) as place)"
        " select totals.figures, every_place.place, coalesce(hits.same, 0), totals.told, coalesce(hits.moved, 0),"
        " totals.moved from totals cross join every_place left join hits using (figures, place)"
    )
    return {
        (names[figures], int(place)): (int(same), int(own), float(moved_same) / float(moved or 1))
        for figures, place, same, own, moved_same, moved in found
        if own
    }


def _number(column: str) -> str:
    """Return a column as a number."""
    return f"cast({quoted(column)} as double)"


def _tried(mart: str, column: str, grain: float, smallest: float | None) -> str:
    """Return the query of a measure's figures, and of the same moved by a few grains: (value, is_own)."""
    name, large = _number(column), "" if smallest is None else f" and {_number(column)} >= {smallest!r}"
    moves = ", ".join(f"({move})" for step in _MOVES for move in (step, -step))
    return (
        f"with figures as (select distinct round({name}, 4) as figure from {candidate(mart)}"
        f" where {name} is not null and {name} <> 0{large} order by 1 limit {_MOST_FIGURES})"
        " select figure as value, 1 as is_own from figures union all"
        f" select round(figure + move * {grain}, 4), 0 from figures cross join (values {moves}) as moves(move)"
    )


def _grain(reader: Reader, mart: str, name: str) -> float | None:
    """Return the roundest step that all figures of a measure are multiples of; None without a figure."""
    tests = ", ".join(f"max(abs({name} / {grain} - round({name} / {grain})))" for grain in _GRAINS)
    (row,) = reader.rows(f"select {tests} from {candidate(mart)} where {name} is not null")
    if row[0] is None:
        return None
    return next((grain for grain, off in zip(_GRAINS, row, strict=True) if float(off) < 1e-6), 0.0001)


def is_no_chance(same: int, tried: int, chance: float) -> bool:
    """Return whether so many equal figures are too unlikely to be chance (binomial tail); one alone always may be."""
    if same < 2:
        return False
    chance = max(chance, 1 / (tried * len(_MOVES) * 2 + 1))
    return tail(same, tried, chance) < bound("chance")


def tail(successes: int, attempts: int, chance: float) -> float:
    """Return the probability of so many successes or more; raises ValueError where chance is no probability."""
    if not 0 <= chance <= 1:
        raise ValueError(f"{chance} is no probability")
    if successes <= 0 or chance == 1:
        return 1.0
    if chance == 0:
        return 0.0
    ways = (lgamma(attempts + 1) - lgamma(n + 1) - lgamma(attempts - n + 1) for n in range(successes, attempts + 1))
    logs = (way + n * log(chance) + (attempts - n) * log(1 - chance) for n, way in enumerate(ways, start=successes))
    return min(1.0, sum(exp(one) for one in logs))


def _everybody(column: str, cells: int) -> Finding | None:
    """Say that cells tell something about everybody in them."""
    if not cells:
        return None
    return Finding(
        what=f"{column} says of {cells} cells that (nearly) nobody or everybody in them is meant",
        count=cells,
        next_step=f"round {column} and keep it between 5 % and 95 %",
    )


def _one_person(column: str, same: int, tried: int, chance: float) -> Finding | None:
    """Say that figures are somebody's own."""
    if not is_no_chance(same, tried, chance):
        return None
    return Finding(
        what=f"{same} of {tried} figures of {column} are one person's own value, {chance:.1%} would be by chance",
        count=same,
        next_step=f"publish a rounded mean or sum instead of {column}: a minimum, maximum or median is a person's",
    )
