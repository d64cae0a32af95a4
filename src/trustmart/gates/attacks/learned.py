"""Learned marts: they say what their teacher's rows teach and no more (G0), and remember nobody in particular (G11)."""

from collections.abc import Mapping, Sequence
from typing import Any

from trustmart.anonymity.learning import NO_LABEL, LearnedRow, Profiles, learn, membership
from trustmart.errors import AnonymizationError
from trustmart.gates.attacks.outcome import Attacked, attacked, interval, lacking, unmeasurable
from trustmart.gates.attacks.published import class_id, door_columns, members_of, missing_columns, names, records_of
from trustmart.gates.measures_sql import Reader, candidate, quoted
from trustmart.gates.report import Finding
from trustmart.gates.thresholds import bound
from trustmart.policy import Learned

# Of figures that are rounded to four digits, two machines may round the last one differently.
_ROUNDING = 1.5e-4
_AGAIN = "make both marts once more: trustmart transform"


def learned_rows(
    reader: Reader, *, mart: str, learned: Mapping[str, Any], class_size: str, minimum_class_size: int
) -> Attacked:
    """Learn once more from the teacher's candidate of tonight, and compare row by row.

    learned: as policy declares it. The mart's own SQL is not asked: rows that it chose would show here.
    """
    asked = Learned.model_validate(dict(learned))
    if missing := missing_columns(reader, mart, [*asked.keys, class_size, asked.figure]):
        return lacking("G0", missing)
    if stray := missing_columns(reader, asked.learned_from, asked.columns_learned_from):
        return unmeasurable("G0", f"its teacher {asked.learned_from} has no {', '.join(stray)} tonight", _AGAIN)
    try:
        wanted, _ = learn(_taught(reader, asked), asked, minimum=minimum_class_size)
    except AnonymizationError as error:
        return unmeasurable("G0", f"nothing can be learned from its teacher ({type(error).__name__})", _AGAIN)
    shown = _shown(reader, mart, asked, class_size)
    strange = _differences(shown, wanted)
    missed = len(wanted) - (len(shown) - strange)
    return attacked("G0", [_strange(strange), _missed(missed)], rows=len(shown), not_learned=strange)


def membership_of_learned(
    reader: Reader, *, mart: str, learned: Mapping[str, Any], columns: Sequence[str], minimum_class_size: int
) -> Attacked:
    """Learn from each half of the teacher's people, and tell by how well it fits who was in which half.

    learned: as policy declares it. columns: the teacher's quasi-identifiers in policy's order, which name its classes.
    """
    asked = Learned.model_validate(dict(learned))
    teacher = asked.learned_from
    if not {"class_id", "subject_id"} <= set(door_columns(reader, f"{teacher}__members")):
        return unmeasurable("G11", f"nobody knows who is in its teacher {teacher}", _AGAIN)
    if missing := missing_columns(reader, teacher, [*columns, *asked.columns_learned_from]):
        return unmeasurable("G11", f"its teacher {teacher} has no {', '.join(missing)} tonight", _AGAIN)
    try:
        first, second = _halves(reader, asked, columns)
        risk = membership(first, second, asked, minimum=minimum_class_size)
    except AnonymizationError as error:
        what = f"half of its teacher's people are too few to be learned from ({type(error).__name__})"
        return unmeasurable("G11", what, "learn from a mart of more people")
    finding = Finding(
        what=f"what is learned tells whom it has seen: AUC {risk.value:.3f}, up to {risk.high:.3f}"
        f" (at most {bound('membership_auc'):g})",
        count=first.total + second.total,
        next_step="learn fewer clusters, from fewer or coarser columns, or from more people",
    )
    held = finding if risk.high > bound("membership_auc") else None
    return attacked("G11", [held], people=first.total + second.total, **interval("membership_auc", risk))


def _taught(reader: Reader, asked: Learned) -> Profiles:
    """Return the profiles of the teacher's candidate."""
    columns = asked.columns_learned_from
    chosen = ", ".join(f"cast({quoted(column)} as varchar)" for column in columns)
    return Profiles.counted(
        columns, reader.rows(f"select {chosen}, count(*) from {candidate(asked.learned_from)} group by all")
    )


def _shown(reader: Reader, mart: str, asked: Learned, class_size: str) -> list[LearnedRow]:
    """Return the candidate's rows."""
    columns = names([*asked.keys, class_size, asked.figure])
    return [
        LearnedRow(key=tuple(key), people=people, figure=figure)
        for *key, people, figure in reader.rows(f"select {columns} from {candidate(mart)}")
    ]


def _differences(shown: Sequence[LearnedRow], wanted: Sequence[LearnedRow]) -> int:
    """Count the rows that are shown and were not learned; a row that is shown twice was learned once."""
    left = {row.key: row for row in wanted}
    strange = 0
    for row in shown:
        learned = left.pop(row.key, None)
        strange += learned is None or not _is_same(row, learned)
    return strange


def _is_same(row: LearnedRow, learned: LearnedRow) -> bool:
    """True where a row says what was learned; a figure that is missing or no number says something else."""
    if row.people != learned.people or row.figure is None:
        return False
    return abs(float(row.figure) - learned.figure) <= _ROUNDING


def _halves(reader: Reader, asked: Learned, columns: Sequence[str]) -> tuple[Profiles, Profiles]:
    """Return the profiles of each half of the teacher's members: labels by their class, the target by their record."""
    teacher, wanted = asked.learned_from, asked.columns_learned_from
    by_class = [column for column in wanted if column in columns]
    of_class = "".join(f", {quoted(column)}" for column in by_class)
    chosen = [f"classes.{quoted(c)}" if c in by_class else f"records.{quoted(c)}" for c in wanted]
    labels = ", ".join(f"coalesce(cast({one} as varchar), '{NO_LABEL}')" for one in chosen)
    rows = reader.rows(
        f"with classes as (select distinct {class_id(columns)} as class_id{of_class} from {candidate(teacher)})"
        f" select md5(members.subject_id) < '8', {labels}, count(*) from {members_of(teacher)} as members"
        f" join classes using (class_id) join {records_of(teacher)} as records"
        " on records.subject_id = members.subject_id group by all"
    )
    first, second = ([labels for is_first, *labels in rows if is_first == half] for half in (True, False))
    return Profiles.counted(wanted, first), Profiles.counted(wanted, second)


def _strange(rows: int) -> Finding | None:
    """Say that rows were not learned."""
    if not rows:
        return None
    step = "look where these rows come from; a learned mart's rows are what its teacher teaches, and nothing else"
    return Finding(what=f"{rows} rows are not what its teacher teaches tonight", count=rows, next_step=step)


def _missed(rows: int) -> Finding | None:
    """Say that rows are missing: what is left out may be what would have shown."""
    if not rows:
        return None
    return Finding(what=f"{rows} rows that its teacher teaches are not there", count=rows, next_step=_AGAIN)
