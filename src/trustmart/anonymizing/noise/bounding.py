"""How much one person may count: bounded in SQL, and added up cell by cell in the same statement.

Which of their cells and records count is decided by a keyed digest, so by chance, the same on every run under that key,
and for each person alone: nobody else's records change it. That is what the sensitivity rests on.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from trustmart.anonymizing.noise.figures import PEOPLE, Figure
from trustmart.anonymizing.words import listed, quoted
from trustmart.policy.releases import Noise
from trustmart.warehouse import Session

Domains = Mapping[str, Sequence[Any]]
Cell = tuple[Any, ...]
Aggregates = dict[Cell, dict[str, int]]


def bounded_aggregates(
    session: Session,
    *,
    records: str,
    labels: Sequence[str],
    figures: Sequence[Figure],
    noise: Noise,
    key: str,
    domains: Domains | None = None,
) -> Aggregates:
    """Return the figures of every cell that has people, in units, each person's contribution bounded.

    records: a table with subject_id, the label columns, and the columns of sums. Records of nobody are left out, and
    so are labels outside the domains, before contributions are bounded. A null or NaN in a sum counts as 0 and as the
    upper bound. key: orders a person's cells and records.
    """
    with _domains(session, domains or {}) as joined:
        found = session.rows(_statement(records, labels, figures, noise, joined), [key, key])
    names = [figure.name for figure in figures]
    width = len(labels)
    return {row[:width]: dict(zip(names, map(int, row[width:]), strict=True)) for row in found}


def _statement(
    records: str, labels: Sequence[str], figures: Sequence[Figure], noise: Noise, joined: Mapping[str, str]
) -> str:
    """Return the one statement: inside → shuffled → numbered → summed."""
    cells = listed(quoted(label) for label in labels)
    sums = [figure for figure in figures if figure.kind == "sum"]
    cell, record = _as_text(labels), _as_text([*labels, *(figure.name for figure in sums)])
    return (
        f"with inside as ({_inside(records, labels, sums, joined)}),"
        # What a record counts orders it, and not what it says: engines write numbers each in their own way.
        f" shuffled as (select *, md5(concat_ws('|', ?, {cell})) as cell_order,"
        f" md5(concat_ws('|', ?, {record})) as record_order from inside),"
        # Labels break a tie of digests: two cells never count as one.
        f" numbered as (select *, dense_rank() over (partition by subject_id order by cell_order, {cells})"
        " as cell_number,"
        f" row_number() over (partition by subject_id, {cells} order by record_order) as record_number from shuffled)"
        f" select {cells}, {listed(_aggregate(figure) for figure in figures)} from numbered"
        f" where cell_number <= {noise.cells_per_person} and record_number <= {noise.records_per_cell}"
        f" group by {cells}"
    )


def _inside(records: str, labels: Sequence[str], sums: Sequence[Figure], joined: Mapping[str, str]) -> str:
    """Return the records of people and what each counts, with the labels of the domains where there are any."""
    shown = [
        f"{joined[label]}.label as {quoted(label)}" if label in joined else f"r.{quoted(label)}" for label in labels
    ]
    values = [f"{_counted(figure)} as {quoted(figure.name)}" for figure in sums]
    joins = "".join(
        f" join {name} on cast(r.{quoted(label)} as string) is not distinct from cast({name}.label as string)"
        for label, name in joined.items()
    )
    return (
        f"select {listed(['r.subject_id', *shown, *values])} from {records} as r{joins} where r.subject_id is not null"
    )


def _as_text(columns: Sequence[str]) -> str:
    """Return the person and some columns as the arguments of a digest."""
    return listed(["subject_id", *(f"coalesce(cast({quoted(column)} as string), '∅')" for column in columns)])


def _counted(figure: Figure) -> str:
    """Return what a record counts in a sum: brought to its bounds before it is rounded to units."""
    column = f"r.{quoted(figure.column)}"
    clamped = f"least(greatest(cast({column} as double) * {figure.units}, {figure.lower}), {figure.upper})"
    # greatest() skips nulls: without the case, a null would count as the lower bound.
    return f"case when {column} is null then 0 else cast(round({clamped}) as bigint) end"


def _aggregate(figure: Figure) -> str:
    """Return a figure of a cell."""
    if figure.kind == PEOPLE:
        return f"count(distinct subject_id) as {figure.name}"
    if figure.kind == "records":
        return f"count(*) as {figure.name}"
    return f"sum({quoted(figure.name)}) as {quoted(figure.name)}"


@contextmanager
def _domains(session: Session, domains: Domains) -> Iterator[dict[str, str]]:
    """Let the statement join each label's domain; yields the name that each is known by."""
    names = {label: f"noisy_domain_{place}" for place, label in enumerate(domains)}
    for label, name in names.items():
        session.register(name, pa.table({"label": pa.array(list(domains[label]))}))
    try:
        yield names
    finally:
        for name in names.values():
            session.unregister(name)
