"""Make an open cube from its records: count, withhold, hold back, write."""

from typing import Any

import numpy as np
import pyarrow as pa

from trustmart.anonymity.cubes import ROLLED, Cube, Reason, withhold
from trustmart.anonymizing.cubes import cells_sql
from trustmart.anonymizing.cubes.cells_sql import CELLS, CONTRIBUTIONS
from trustmart.anonymizing.cubes.holding import CHANGES, HELD, PUBLISHED, held_classes, hold_back, waiting
from trustmart.anonymizing.cubes.usefulness import usefulness
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.words import class_id, listed, quoted
from trustmart.errors import TableUnfit
from trustmart.policy.releases import Release
from trustmart.warehouse import Session

# Why a cell stays back, by its class.
VERDICTS = "cube_verdicts"


def make_cube(
    session: Session,
    *,
    mart: str,
    release: Release,
    records: str,
    target: str,
    members: str,
    standing: str | None = None,
    history: bool = True,
) -> Made:
    """Make the candidate of an open cube, and say who is in which published class.

    records: full name of a table or view with subject_id, the quasi-identifiers as labels, and what measures read.
    target: the candidate to (re)make, columns exactly `release.columns`. members: the table (re)made with class_id and
    subject_id of every published cell, margins included, as published: a held-back class has the members it was
    published with, forgotten ones as null. standing: the released mart, whose figures held-back classes show again;
    without it they are withheld. history: whether classes are compared with what was published before.
    Raises TableUnfit where records have no person,
    the label `*`, or labels that cannot be told apart.
    """
    _check_records(session, release, records)
    session.keep(CONTRIBUTIONS, cells_sql.contributions(release, records))
    session.keep(CELLS, cells_sql.cells(release))
    hold_back(session, mart=mart, release=release, standing=standing, history=history)
    _judge(session, _counted(session, release), release)
    _write(session, release, target, standing if held_classes(session) else None)
    _write_members(session, members)
    made = _made(session, release, target)
    session.unregister(VERDICTS)
    for table in (CONTRIBUTIONS, CELLS, PUBLISHED, CHANGES, HELD):
        session.discard(table)
    return made


def _check_records(session: Session, release: Release, records: str) -> None:
    """Refuse records that nobody stands behind, and labels that say `all`."""
    if nameless := session.value(f"select count(*) from {records} where subject_id is null"):
        raise TableUnfit(f"{nameless:,} records have no subject_id: nobody can be counted")
    for column in sorted(cells_sql.rolled_columns(release)):
        text = f"cast({quoted(column)} as string)"
        if clashing := session.value(f"select count(*) from {records} where {text} = '{ROLLED}'"):
            raise TableUnfit(f"{clashing:,} records say {ROLLED} in {column}; there it means all of them")


def _counted(session: Session, release: Release) -> pa.Table:
    """Return the cells as the driver needs them: labels, level, counts and slack."""
    slacks = _slack_columns(release)
    columns = ["class_id", *cells_sql.names(release), "level", "people", "cast(records as bigint) as records", *slacks]
    counted = session.arrow(f"select {listed(columns)} from {CELLS}")
    if len(set(counted.column("class_id").to_pylist())) < len(counted):
        raise TableUnfit("two cells have labels that read the same (a `|` or `∅` in a label): rename them")
    return counted


def _judge(session: Session, counted: pa.Table, release: Release) -> None:
    """Decide what stays back, and let statements join it as `cube_verdicts`."""
    labels = [counted.column(place + 1).to_pylist() for place in range(len(release.quasi_identifiers))]
    numbers = {name: counted.column(name).to_numpy() for name in ("people", "records", "level")}
    slack = [np.nan_to_num(counted.column(name).to_numpy()) for name in _slack_columns(release)]
    finest = numbers["level"] == 0
    changed = dict(session.rows(f"select class_id, changed from {CHANGES}"))
    classes = counted.column("class_id").to_pylist()
    everybody = session.value(f"select count(distinct subject_id) from {CONTRIBUTIONS} where level = 0")
    cube = Cube(
        labels=list(zip(*labels, strict=True)),
        people=numbers["people"].astype(np.int64),
        records=numbers["records"].astype(np.int64),
        slack=np.stack(slack, axis=1) if slack else np.zeros((len(counted), 0)),
        one_cell_each=int(numbers["people"][finest].sum()) == everybody,
        seen=np.array([name in changed for name in classes], dtype=bool),
        known=np.array([changed.get(name) == 0 for name in classes], dtype=bool),
    )
    reasons = [None if reason is None else reason.value for reason in withhold(cube, k=release.minimum_class_size)]
    verdicts = {"class_id": counted.column("class_id"), "reason": pa.array(reasons, pa.string())}
    session.register(VERDICTS, pa.table(verdicts))


def _slack_columns(release: Release) -> list[str]:
    """Return the columns of cells that say how far sums pass the p %-rule."""
    if release.dominance_percent is None:
        return []
    return [f"slack_{number}" for number, _ in enumerate(cells_sql.summed(release))]


def _write(session: Session, release: Release, target: str, standing: str | None) -> None:
    """Write the candidate: cells that may be seen, and the last figures of those held back."""
    shown = f"select {cells_sql.published(release)} from {CELLS} as cells where cells.class_id in ({_fresh()})"
    if standing:
        name = class_id(release.quasi_identifiers)
        shown += (
            f" union all select {listed(quoted(column) for column in release.columns)} from {standing}"
            f" where {name} in (select class_id from {HELD} where is_shown)"
        )
    session.write_table(target, shown)


def _write_members(session: Session, members: str) -> None:
    """Write who is in which published class: tonight's people, or those whom a held-back class was published with."""
    session.write_table(
        members,
        f"select class_id, subject_id from {CONTRIBUTIONS}"
        f" where class_id in ({_fresh()}) union all select published.class_id, published.subject_id"
        f" from {PUBLISHED} as published join {HELD} as held on held.class_id = published.class_id and held.is_shown",
    )


def _fresh() -> str:
    """Return the statement that yields the classes whose figures are tonight's."""
    return f"select class_id from {VERDICTS} where reason is null and class_id not in (select class_id from {HELD})"


def _made(session: Session, release: Release, target: str) -> Made:
    """Count what was made; people once per finest cell."""
    status = (
        f"select cells.*, case when held.is_shown then 'shown' when held.class_id is not null then 'waits'"
        f" else verdicts.reason end as status from {CELLS} as cells"
        f" join {VERDICTS} as verdicts on verdicts.class_id = cells.class_id"
        f" left join {HELD} as held on held.class_id = cells.class_id"
    )
    gone = "status is not null and status <> 'shown'"
    total, suppressed, people, people_suppressed = session.rows(
        f"select count(*), count(case when {gone} then 1 end), coalesce(sum(people), 0),"
        f" coalesce(sum(case when {gone} then people end), 0) from ({status}) as judged where level = 0"
    )[0]
    why = dict(session.rows(f"select status, count(*) from ({status}) as judged where {gone} group by status"))
    facts: dict[str, Any] = {
        "cells_withheld": {reason.value: why.get(reason.value, 0) for reason in Reason}
        | {"waits": why.get("waits", 0)},
        "margins_total": session.value(f"select count(*) from {CELLS} where level > 0"),
        "margins_withheld": session.value(f"select count(*) from ({status}) as judged where level > 0 and {gone}"),
        "held_back": held_classes(session),
        "people_waiting": waiting(session),
        **usefulness(session, release, target),
    }
    return Made(
        rows=int(session.value(f"select count(*) from {target}")),
        people_total=int(people),
        people_suppressed=int(people_suppressed),
        classes_total=int(total),
        classes_suppressed=int(suppressed),
        facts=facts,
    )
