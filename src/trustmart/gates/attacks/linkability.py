"""G5, linkability: two marts that are safe apart and give people away together.

Two ways: a coarser cube is a margin of a finer one, so what the finer one left out comes back by subtraction; and the
same attribute under two different sets of labels is told more finely by both together than by either.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from trustmart.gates.attacks.levels import CALENDAR, Told, coarse, is_level
from trustmart.gates.attacks.outcome import Attacked, attacked, not_made
from trustmart.gates.attacks.published import NULL_SIGN, class_id, door_columns, members_of, names, text, texts
from trustmart.gates.measures_sql import Reader, candidate, candidate_columns, people_of, quoted
from trustmart.gates.report import Finding
from trustmart.warehouse.release_history import class_id_of


def margins_of_each_other(
    reader: Reader,
    *,
    mart: str,
    class_size: str,
    minimum_class_size: int,
    coarser: Mapping[str, Sequence[str]],
    told: Mapping[str, Mapping[str, Told]] = MappingProxyType({}),
) -> Attacked:
    """Subtract a cube's people from those of every coarser cube of people over some of its columns.

    coarser: the other mart -> [its class size, then the columns that both have]. Both have a person in one cell only.
    told: the other mart -> the columns that it tells at a coarser level -> (hierarchy, our level, theirs).
    """
    few, looked = 0, 0
    for other, (size, *shared) in coarser.items():
        present = candidate_columns(reader, other)
        if not present or not {class_size, *shared} <= set(candidate_columns(reader, mart)):
            continue
        if not are_levels(reader, told.get(other, {})):
            continue
        looked += 1
        ((left,),) = reader.rows(
            f"select coalesce(sum(case when c.n - coalesce(f.n, 0) between 1 and {int(minimum_class_size) - 1}"
            f" then 1 else 0 end), 0)"
            f"{_less(reader, mart, class_size, other, size, lines_of(shared, told.get(other, {})))}"
        )
        few += int(left)
    if not looked:
        return not_made("G5", "no other mart is a margin of this one")
    finding = Finding(
        what=f"{few} groups of fewer than {minimum_class_size} people are in a coarser mart ({', '.join(coarser)}) and"
        f" left out in {mart}",
        count=few,
        next_step="suppress a second cell in each of these lines, or do not release both marts",
    )
    return attacked("G5", [finding if few else None], marts_subtracted=looked, groups_recovered=few)


def pair_classes(
    reader: Reader,
    *,
    mart: str,
    columns: Sequence[str],
    minimum_class_size: int,
    others: Mapping[str, Mapping[str, Sequence[str]]],
) -> Attacked:
    """Join two marts on attributes that they label differently: the smallest group of people that both labels fit.

    others: the other mart -> its quasi-identifiers in policy's order (`columns`), and the columns of each that come
    from the same attributes (`ours`, `theirs`).
    """
    smallest: int | None = None
    few = looked = 0
    for other, joined in others.items():
        if not (door_columns(reader, f"{mart}__members") and door_columns(reader, f"{other}__members")):
            continue
        if not {*columns} <= set(candidate_columns(reader, mart)) or not candidate_columns(reader, other):
            continue
        looked += 1
        ((below, least),) = reader.rows(
            f"{_pairs(mart, columns, other, joined)}"
            f" select coalesce(sum(case when n < {int(minimum_class_size)} then 1 else 0 end), 0), min(n) from pairs"
        )
        few += int(below)
        smallest = least if smallest is None else min(smallest, least or smallest)
    if not looked:
        return not_made("G5", "no other mart labels the same attributes differently, or nobody knows who is in it")
    finding = Finding(
        what=f"{few} groups of fewer than {minimum_class_size} people have the same labels here and in another mart",
        count=few,
        next_step="give both marts the same hierarchy and level for what they share, or release one of them",
    )
    return attacked("G5", [finding if few else None], marts_joined=looked, smallest_pair_class=smallest)


def classes_linked(
    mart: str, columns: Sequence[str], minimum_class_size: int, other: str, joined: Mapping[str, Sequence[str]]
) -> str:
    """Return the query of the classes of a mart in which somebody shares their labels in both marts with few."""
    ours = [f"o_{column}" for column in joined["ours"]]
    return (
        f"{_pairs(mart, columns, other, joined)}, few as (select distinct {names(ours)} from pairs"
        f" where n < {int(minimum_class_size)}) select distinct class_id from ours join few using ({names(ours)})"
    )


def lines_of_few(
    reader: Reader, mart: str, class_size: str, k: int, other: str, size: str, lines: Mapping[str, str]
) -> str:
    """Return the query of the shared labels (class_id) under which a coarser mart has 1 to k - 1 people more than ours.

    lines: the columns that both have -> our labels as the other mart tells them.
    """
    return (
        f"select {class_id_of(f'c.{quoted(column)}' for column in lines) if lines else '1'}"
        f"{_less(reader, mart, class_size, other, size, lines)}"
        f" where c.n - coalesce(f.n, 0) between 1 and {int(k) - 1}"
    )


def _less(reader: Reader, mart: str, class_size: str, other: str, size: str, lines: Mapping[str, str]) -> str:
    """Return `from`: the people of a coarser cube (c.n) beside those of a finer one (f.n), by what both have."""
    ours = ", ".join(f"{label} as {quoted(column)}" for column, label in lines.items())
    comma = ", " if lines else ""
    return (
        f" from (select {texts(lines)}{comma}sum({people_of(size)}) as n from {candidate(other)}"
        f"{_without_margins(reader, other)} group by all) as c"
        f" left join (select {ours}{comma}sum({people_of(class_size)}) as n"
        f" from {candidate(mart)} as finer{_without_margins(reader, mart)} group by all) as f"
        f" on {_same('c', 'f', list(lines))}"
    )


def lines_of(shared: Sequence[str], told: Mapping[str, Told]) -> dict[str, str]:
    """Return the columns that two cubes share -> the labels of `finer`, as text, as the coarser one tells them."""
    return {
        column: f"coalesce(cast({coarse(column, told[column], of='finer.')} as varchar), '{NULL_SIGN}')"
        if column in told
        else text(column)
        for column in shared
    }


def are_levels(reader: Reader, told: Mapping[str, Told]) -> bool:
    """Return whether the levels are coarser ones: else neither cube is a margin of the other."""
    return all(
        is_level(reader, hierarchy, here, there)
        if hierarchy
        else CALENDAR.index(there) > CALENDAR.index(here or "month")
        for hierarchy, here, there in told.values()
    )


def _pairs(mart: str, columns: Sequence[str], other: str, joined: Mapping[str, Sequence[str]]) -> str:
    """Return `with ours, theirs, pairs`: everybody's labels in both marts, and how many people share both."""
    ours = _labelled(mart, columns, joined["ours"], "o")
    theirs = _labelled(other, joined["columns"], joined["theirs"], "t")
    keys = [*(f"o_{column}" for column in joined["ours"]), *(f"t_{column}" for column in joined["theirs"])]
    return (
        f"with ours as ({ours}), theirs as ({theirs}), pairs as (select {names(keys)},"
        f" count(distinct subject_id) as n from ours join theirs using (subject_id) group by {names(keys)})"
    )


def _labelled(mart: str, columns: Sequence[str], shared: Sequence[str], prefix: str) -> str:
    """Return everybody's shared labels in one mart."""
    chosen = ", ".join(f"{text(column)} as {quoted(f'{prefix}_{column}')}" for column in shared)
    kept = names(f"{prefix}_{column}" for column in shared)
    return (
        f"select distinct m.class_id, m.subject_id, {kept} from {members_of(mart)} as m join"
        f" (select distinct {class_id(columns)} as class_id, {chosen} from {candidate(mart)}) as l using (class_id)"
    )


def _without_margins(reader: Reader, mart: str) -> str:
    """Return the condition that leaves the rows of totals out."""
    labels = [name for name, kind in candidate_columns(reader, mart).items() if kind.startswith("VARCHAR")]
    return f" where {' and '.join(f'{text(column)} <> {chr(39)}*{chr(39)}' for column in labels)}" if labels else ""


def _same(left: str, right: str, columns: Sequence[str]) -> str:
    """Return the condition that two rows have the same labels."""
    return " and ".join(f"{left}.{quoted(column)} = {right}.{quoted(column)}" for column in columns) or "true"
