"""G8, table audit: what a cube's totals give back of the cells that were suppressed.

Every published total less everything published below it is the people of its suppressed cells. Where those are fewer
than k, subtraction has found them. Then, where the door tells the true counts, all lines together: subtraction again
and again, linear algebra, and for the largest unsafe cells the interval that a linear program leaves.
(Sources: Willenborg and de Waal 2001, ch. 4; CMS cell suppression policy.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from trustmart.anonymity.cubes import Audit, audit
from trustmart.gates.attacks.outcome import Attacked, attacked, lacking, not_made
from trustmart.gates.attacks.published import class_id, door_columns, missing_columns, records_of, texts
from trustmart.gates.measures_sql import Reader, candidate, people_of, quoted
from trustmart.gates.report import Finding


def table_audit(
    reader: Reader,
    *,
    mart: str,
    columns: Sequence[str],
    class_size: str,
    minimum_class_size: int,
    margins: Sequence[Sequence[str]],
    additive: bool,
) -> Attacked:
    """Subtract, for every pair of a coarser and a finer set of published totals.

    margins: the sets of columns that totals are published for, the finest left out. additive: a person is in one cell,
    so that people add up; else their differences say nothing, and the mart's own rule for margins stands alone.
    """
    if not margins:
        return not_made("G8", "the mart publishes no totals")
    if not additive:
        return not_made("G8", "people are in several cells: their numbers do not add up")
    if missing := missing_columns(reader, mart, [*columns, class_size]):
        return lacking("G8", missing)
    sets = [frozenset(columns), *(frozenset(margin) for margin in margins)]
    pairs = [(coarse, fine) for coarse in sets[1:] for fine in sets if coarse < fine]
    recovered = sum(_recovered(reader, mart, columns, class_size, minimum_class_size, *pair) for pair in pairs)
    finding = Finding(
        what=f"{recovered} suppressed groups of fewer than {minimum_class_size} people come back by subtraction",
        count=recovered,
        next_step="suppress a second cell in each of these lines, or drop the total",
    )
    found = _audited(reader, mart, columns, minimum_class_size)
    return attacked(
        "G8",
        [finding if recovered else None, *(_unsafe(found) if found else ())],
        lines_subtracted=len(pairs),
        groups_recovered=recovered,
        **(asdict(found) if found else {}),
    )


def _audited(reader: Reader, mart: str, columns: Sequence[str], k: int) -> Audit | None:
    """Attack all lines at once with the true counts of the door's records; None where the mart's own SQL made it."""
    if not {"subject_id", *columns} <= set(door_columns(reader, mart)):
        return None
    true = reader.rows(
        f"select {texts(columns)}, count(distinct subject_id) from {records_of(mart)} group by {_places(columns)}"
    )
    published = reader.rows(f"select distinct {texts(columns)} from {candidate(mart)}")
    return audit({row[:-1]: float(row[-1]) for row in true}, {tuple(row) for row in published}, k=k)


def _places(columns: Sequence[str]) -> str:
    """Return the columns to group by, as places in the select list."""
    return ", ".join(str(place) for place in range(1, len(columns) + 1))


def _unsafe(found: Audit) -> Iterator[Finding]:
    """Say which suppressed cells are not hidden; one that comes back is known to within nothing, and told once."""
    step = "suppress further cells in these lines, or drop a total"
    if open_cells := max(found.recovered, found.determined):
        what = f"{open_cells} suppressed cells come back when all totals are taken together"
        yield Finding(what=what, count=open_cells, next_step=step)
    elif found.narrow:
        what = f"{found.narrow} of the largest suppressed cells are known to within 10 %"
        yield Finding(what=what, count=found.narrow, next_step=step)


def _recovered(
    reader: Reader,
    mart: str,
    columns: Sequence[str],
    class_size: str,
    k: int,
    coarse: frozenset[str],
    fine: frozenset[str],
) -> int:
    """Count the totals of one set whose published parts leave 1 to k - 1 people (or more than all of them)."""
    shared = sorted(coarse)
    same = " and ".join(f"t.{quoted(c)} = p.{quoted(c)}" for c in shared) or "true"
    grouped = f" group by {', '.join(quoted(c) for c in shared)}" if shared else ""
    kept = "".join(f"{quoted(c)}, " for c in shared)
    ((count,),) = reader.rows(
        f"with shown as (select {texts(columns)}, {people_of(class_size)} as people from {candidate(mart)}),"
        f" totals as (select {kept}sum(people) as people from shown where {_at(columns, coarse)}{grouped}),"
        f" parts as (select {kept}sum(people) as people from shown where {_at(columns, fine)}{grouped})"
        f" select coalesce(sum(case when t.people - coalesce(p.people, 0) between 1 and {int(k) - 1}"
        f" then 1 else 0 end), 0) from totals as t left join parts as p on {same}"
    )
    return int(count)


def complements(
    columns: Sequence[str], mart: str, class_size: str, k: int, margins: Sequence[Sequence[str]]
) -> list[str]:
    """Return a query for every pair of sets: the smallest published part (class_id) of each total that tells of few."""
    sets = [frozenset(columns), *(frozenset(margin) for margin in margins)]
    return [
        _smallest_parts(mart, columns, class_size, k, coarse, fine)
        for coarse in sets[1:]
        for fine in sets
        if coarse < fine
    ]


def _smallest_parts(
    mart: str, columns: Sequence[str], class_size: str, k: int, coarse: frozenset[str], fine: frozenset[str]
) -> str:
    """Return the query of the parts that hide what one set of totals gives away of another."""
    shared = sorted(coarse)
    same = " and ".join(f"t.{quoted(c)} = p.{quoted(c)}" for c in shared) or "true"
    line = f"partition by {', '.join(f'p.{quoted(c)}' for c in shared)}" if shared else ""
    return (
        f"select class_id from (select p.class_id, t.people - sum(p.people) over ({line}) as hidden,"
        f" row_number() over ({line} order by p.people, p.class_id) as place"
        f" from ({_shown(mart, columns, class_size, fine)}) as p"
        f" join ({_shown(mart, columns, class_size, coarse)}) as t on {same}) as lines"
        f" where place = 1 and hidden between 1 and {int(k) - 1}"
    )


def _shown(mart: str, columns: Sequence[str], class_size: str, kept: frozenset[str]) -> str:
    """Return the query of the published rows of one set of totals."""
    return (
        f"select * from (select {class_id(columns)} as class_id, {texts(columns)}, {people_of(class_size)} as people"
        f" from {candidate(mart)}) as shown where {_at(columns, kept)}"
    )


def _at(columns: Sequence[str], shown: frozenset[str]) -> str:
    """Return the condition of the rows that are totals over exactly the other columns."""
    return " and ".join(f"{quoted(column)} {'<>' if column in shown else '='} '*'" for column in columns)
