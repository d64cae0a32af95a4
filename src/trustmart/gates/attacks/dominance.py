"""G4, dominance: does a published sum tell its second largest contributor what the largest has?

Reckoned anew from the records that the door summed, apart from the door's own SQL: a fault there must not hide here.
"""

from collections.abc import Mapping, Sequence

from trustmart.gates.attacks.outcome import Attacked, attacked, not_made
from trustmart.gates.attacks.published import class_id, door_columns, members_of, missing_columns, records_of
from trustmart.gates.measures_sql import Reader, candidate, quoted
from trustmart.gates.report import Finding


def dominated_sums(
    reader: Reader, *, mart: str, columns: Sequence[str], amounts: Mapping[str, str], percent: float
) -> Attacked:
    """Count the cells whose sum fails the p %-rule (Hundepool et al. 2012, section 4.2.2: total less the two largest
    is less than p % of the largest).

    columns: quasi-identifiers in policy's order. amounts: published sum -> column of the records. Cells that are held
    back show the figures of other records, for which the rule was kept then; they are left out.
    """
    wanted = {"subject_id", *columns, *amounts.values()}
    if not door_columns(reader, f"{mart}__members") or not wanted <= set(door_columns(reader, mart)):
        return not_made("G4", "the records behind the sums are not kept")
    if missing_columns(reader, mart, [*columns, *amounts]):
        return not_made("G4", "it lacks a column, and is held for that")
    found = {name: _dominated(reader, mart, columns, name, column, percent) for name, column in amounts.items()}
    return attacked(
        "G4", [_dominates(name, count, percent) for name, count in found.items()], cells_dominated=sum(found.values())
    )


def _dominated(reader: Reader, mart: str, columns: Sequence[str], published: str, column: str, percent: float) -> int:
    """Count the cells of one sum that one person, or two, nearly make up."""
    ((cells,),) = reader.rows(
        f"with parts as (select {class_id(columns)} as class_id, subject_id,"
        f" abs(coalesce(sum(cast({quoted(column)} as double)), 0)) as part from {records_of(mart)} group by all),"
        " ranked as (select *, row_number() over (partition by class_id order by part desc) as place from parts),"
        " sums as (select class_id, count(*) as people, sum(part) as total, max(part) as largest,"
        " sum(case when place <= 2 then part end) as two from ranked group by class_id),"
        f" members as (select class_id, count(subject_id) as people from {members_of(mart)} group by class_id),"
        f" shown as (select {class_id(columns)} as class_id from {candidate(mart)}"
        f" where {quoted(published)} is not null)"
        " select count(*) from shown join sums using (class_id) join members using (class_id)"
        " where members.people = sums.people and largest > 0"
        f" and total - two < {float(percent)!r} / 100 * largest - 1e-6"
    )
    return int(cells)


def _dominates(column: str, cells: int, percent: float) -> Finding | None:
    """Say that sums are one person's, or two's."""
    if not cells:
        return None
    return Finding(
        what=f"{cells} cells of {column} tell the second largest person in them the largest's within {percent:g} %",
        count=cells,
        next_step=f"coarsen a quasi-identifier, or leave {column} of these cells out",
    )
