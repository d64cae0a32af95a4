"""G3, singling out: is anybody's whole published row rarer than k, and what of that is owed to the release?

Microdata: whoever knows all of a row but not whose it is isolates a person where few share it (WP29 Opinion 05/2014).
With every published column counted, any predicate over published columns isolates nobody or at least k people.
Cubes: a row stands for its class, so what it says of its size is compared with who is there.
"""

from collections.abc import Sequence

from trustmart.anonymity.intervals import residual, wilson
from trustmart.gates.attacks.outcome import Attacked, attacked, interval, lacking, not_made, unmeasurable
from trustmart.gates.attacks.published import class_id, door_columns, members_of, missing_columns, names, text
from trustmart.gates.measures_sql import Reader, candidate, columns_of, quoted
from trustmart.gates.report import Finding
from trustmart.gates.thresholds import MOST_ATTEMPTS, bound


def singling_out(
    reader: Reader, *, mart: str, quasi_identifiers: Sequence[str], others: Sequence[str], minimum_class_size: int
) -> Attacked:
    """Attack microdata with one predicate per row: all of its published values.

    The control pairs the quasi-identifiers of one row with the other columns of another, over all pairs: how often such
    a predicate isolates somebody by chance. It is conservative, since it knows the marginals alone: whatever the
    columns say about each other counts as risk of the release. Exact, so without a seed.
    """
    if missing := missing_columns(reader, mart, [*quasi_identifiers, *others]):
        return lacking("G3", missing)
    rows, rare, unique, by_chance = _count(reader, mart, quasi_identifiers, others, minimum_class_size)
    if not rows:
        return unmeasurable("G3", "it has no rows", "look why the mart's model returns nothing", count=0)
    attempts = min(rows, MOST_ATTEMPTS)
    attack, control = wilson(unique / rows * attempts, attempts), wilson(by_chance * attempts, attempts)
    risk = residual(attack, control)
    return attacked(
        "G3",
        [
            _rare(rare, rows, minimum_class_size) if rare / rows > bound("singled_out") else None,
            # Every row was tried: where none is unique, nothing is left to chance.
            _risky(risk.high) if unique and risk.high > bound("singling_out_risk") else None,
        ],
        rows_rarer_than_k=rare,
        rows_rarer_than_k_share=round(rare / rows, 6),
        control=round(control.value, 6),
        **interval("singling_out_risk", risk),
    )


def _count(
    reader: Reader, mart: str, quasi_identifiers: Sequence[str], others: Sequence[str], k: int
) -> tuple[int, int, int, float]:
    """Return all rows, those with a tuple rarer than k, those with one of their own, and the control's success."""
    everything = names([*quasi_identifiers, *others])
    tuples = f"select {everything}, count(*) as n from {candidate(mart)} group by {everything}"
    chance = "0"
    if others:
        chance = (
            "(select coalesce(sum((s.in_class * 1.0 / t.n) * (s.in_other * 1.0 / t.n)), 0) from (select n,"
            f" sum(n) over (partition by {names(quasi_identifiers)}) as in_class,"
            f" sum(n) over (partition by {names(others)}) as in_other from tuples) as s"
            " cross join (select sum(n) as n from tuples) as t where s.n = 1)"
        )
    ((rows, rare, unique, by_chance),) = reader.rows(
        f"with tuples as ({tuples}) select sum(n), sum(case when n < {int(k)} then n else 0 end),"
        f" sum(case when n = 1 then 1 else 0 end), {chance} from tuples"
    )
    return int(rows or 0), int(rare or 0), int(unique or 0), min(1.0, float(by_chance or 0))


def told_sizes(
    reader: Reader, *, mart: str, columns: Sequence[str], class_size: str, minimum_class_size: int
) -> Attacked:
    """Attack a cube by counting: are as many people in a cell as it says, tonight or as published before?"""
    if not door_columns(reader, f"{mart}__members"):
        return not_made("G3", "the mart's own SQL makes its rows, so nobody knows who is in them")
    if missing := missing_columns(reader, mart, [*columns, class_size]):
        return lacking("G3", missing)
    has_history = _has_history(reader)
    ((cells, few),) = reader.rows(
        _few_behind(mart, columns, int(minimum_class_size), has_history=has_history), [mart] if has_history else []
    )
    few = int(few or 0)
    what = f"{few} cells of {cells} say that they stand for enough people, and do not"
    found = Finding(what=what, count=few, next_step=f"look how {quoted(class_size)} is counted")
    return attacked("G3", [found if few else None], cells=int(cells), cells_of_too_few=few)


def _few_behind(mart: str, columns: Sequence[str], k: int, *, has_history: bool) -> str:
    """Return the query of how many finest cells there are, and of how many fewer than k people were ever in.

    has_history: whether memberships of earlier releases are kept; the query's one parameter is then the mart.
    """
    finest = " and ".join(f"{text(column)} <> '*'" for column in columns)
    cells = f"select {class_id(columns)} as class_id from {candidate(mart)} where {finest}"
    # Whoever was forgotten since a held-back cell was published has no name there, and is counted by it. Two names of
    # one hash would count as one person: a cell is never taken for larger than it is. An engine hashes a null as well.
    named = "count(distinct case when subject_id is not null then hash(subject_id) end)"
    people = f"{named} + count(*) - count(subject_id)"
    tonight = f"select class_id, {people} as people from {members_of(mart)} group by class_id"
    is_small = f"coalesce(people, 0) < {k}"
    with_few = f"select class_id from cells left join tonight using (class_id) where {is_small}"
    before = "select cast(null as varchar) as class_id, 0 as people where false"
    if has_history:
        before = (
            f"select class_id, {people} as people from restricted.main.members_before where mart = ?"
            " and until is null and class_id in (select class_id from with_few) group by class_id"
        )
    return (
        f"with cells as ({cells}), tonight as materialized ({tonight}), with_few as materialized ({with_few}),"
        f" before as ({before}) select (select count(*) from cells),"
        f" (select count(*) from with_few left join before using (class_id) where {is_small})"
    )


def _has_history(reader: Reader) -> bool:
    """Return whether memberships of earlier releases are kept."""
    return bool(columns_of(reader, "members_before"))


def _rare(rare: int, rows: int, k: int) -> Finding:
    """Say how many rows stand out."""
    return Finding(
        what=f"{rare} rows of {rows} are shared by fewer than {k} people once every published column counts",
        count=rare,
        next_step="suppress these rows, coarsen a quasi-identifier, or publish fewer columns",
    )


def _risky(high: float) -> Finding:
    """Say that the risk over control is too high."""
    return Finding(
        what=f"predicates single people out with a risk of up to {high:.3f}, allowed {bound('singling_out_risk'):.2f}",
        count=1,
        next_step="publish fewer columns, or coarser ones",
    )
