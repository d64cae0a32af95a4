"""Cubes: a row per cell of labels, with how many people it stands for; cells of too few people stay back."""

from collections.abc import Sequence

from trustmart.anonymizing.made import Made
from trustmart.anonymizing.words import class_id, listed, quoted
from trustmart.policy import Measure, Release
from trustmart.warehouse import Session

_CELLS = "door_cells"


def make_cube(session: Session, *, mart: str, release: Release, records: str, target: str, members: str) -> Made:
    """Count the records into cells, and make a candidate of those with enough people."""
    keys = listed(quoted(column) for column in release.quasi_identifiers)
    figures = [f"{figure(measure)} as {quoted(name)}" for name, measure in release.measures.items()]
    size, k = quoted(release.class_size or ""), release.minimum_class_size
    counted = listed([keys, f"cast(count(distinct subject_id) as bigint) as {size}", *figures])
    session.run(f"create or replace temp table {_CELLS} as select {counted} from {records} group by {keys}")
    names = listed(quoted(column) for column in release.columns)
    session.run(
        f"create or replace table {target} as select {names} from {_CELLS} where {size} >= {k} order by {names}"
    )
    session.run(
        f"create or replace table {members} as select distinct {class_id(release.quasi_identifiers)} as class_id,"
        f" subject_id from {records}"
    )
    ((classes, people, rare, left_out),) = session.rows(
        f"select count(*), coalesce(sum({size}), 0), count(case when {size} < {k} then 1 end),"
        f" coalesce(sum(case when {size} < {k} then {size} end), 0) from {_CELLS}"
    )
    session.run(f"drop table {_CELLS}")
    return Made(
        rows=int(classes) - int(rare),
        people_total=int(people),
        people_suppressed=int(left_out),
        classes_total=int(classes),
        classes_suppressed=int(rare),
    )


def figure(measure: Measure) -> str:
    """Return how a measure is reckoned from a cell's records."""
    column, people = quoted(measure.source_column), "count(distinct subject_id)"
    whole = {
        "records": "count(*)",
        "people": people,
        "sum": f"sum({column})",
        "mean": f"avg({column})",
        "mean_per_person": f"sum(coalesce({column}, 0)) / {people}",
    }
    if measure.how in whole:
        return _stepped(whole[measure.how], measure.round_to or 1)
    if measure.how == "share_of_people":
        return _share(f"count(distinct case when {column} then subject_id end)", people)
    return _share(f"count(case when {column} then 1 end)", "count(*)")


def _stepped(value: str, step: float) -> str:
    """Round to a step; whole where the step is."""
    kind = "bigint" if float(step).is_integer() else "double"
    return f"cast(round({value} / {step:g}) * {step:g} as {kind})"


def _share(part: str, whole: str) -> str:
    """A share that never says "nobody" or "everybody": to the nearest 5 %, between 5 % and 95 %."""
    share = f"round(cast({part} as double) / {whole} * 20) / 20"
    return f"cast(least(0.95, greatest(0.05, {share})) as decimal(4, 2))"


def columns_needed(release: Release) -> Sequence[str]:
    """Return the columns that a cube needs of its records."""
    measured = [one.source_column for one in release.measures.values() if one.how not in ("records", "people")]
    return ["subject_id", *release.quasi_identifiers, *measured]
