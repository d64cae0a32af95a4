"""What was drawn is kept in the restricted zone: a period is drawn once, and its numbers shown until the next.

restricted.noisy_draws has a row per draw; restricted.noisy_cells."<mart>__<declaration>" its cells, as published.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from trustmart.anonymizing.words import listed, quoted
from trustmart.policy.releases import Measure, Release
from trustmart.warehouse import Session

_DRAWS = "restricted.noisy_draws"
_COLUMNS = ("mart", "declaration", "released_for", "draw_id", "mechanism", "epsilon", "delta", "facts")
_STAGED, _LABELS = "noisy_cells_drawn", "noisy_labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDraw:
    """A draw, and what it costs. declaration: digest of what was declared. facts: JSON, for the report."""

    mart: str
    declaration: str
    released_for: str
    draw_id: str
    mechanism: str
    epsilon: float
    delta: float
    facts: str


def period_of(every: str, as_of: datetime) -> str:
    """Return the period that a night belongs to: 2026-11-24, 2026-W48 or 2026-11; periods sort as they follow."""
    if every == "night":
        return f"{as_of:%Y-%m-%d}"
    return f"{as_of:%G-W%V}" if every == "week" else f"{as_of:%Y-%m}"


def declaration_of(release: Release) -> str:
    """Return a digest of everything that decides what a draw means; another declaration is another draw."""
    parts = {"quasi_identifiers", "measures", "class_size", "noise"}
    content = release.model_dump(mode="json", include=parts)
    content["columns"] = release.columns
    content["noise"].pop("yearly_epsilon")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def kept_draws(session: Session, *, mart: str) -> list[KeptDraw]:
    """Return a mart's draws of every declaration, oldest period first."""
    if not session.columns("restricted", "noisy_draws"):
        return []
    rows = session.rows(
        f"select {listed(_COLUMNS)} from {_DRAWS} where mart = ? order by released_for, draw_id", [mart]
    )
    return [KeptDraw(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def keep(
    session: Session, draw: KeptDraw, cells: Sequence[Sequence[Any]], *, release: Release, labels: pa.Table
) -> None:
    """Keep a draw and its cells (columns as published), all or nothing. labels: no rows, the types of the labels."""
    table = _cells_of(draw.mart, draw.declaration)
    session.register(_LABELS, labels)
    with session.transaction():
        session.run(f"create table if not exists {_DRAWS} ({listed(_types())})")
        session.run("create schema if not exists restricted.noisy_cells")
        session.run(f"create table if not exists {table} as {_empty(release)}")
        if cells:
            names = release.columns
            columns = zip(names, zip(*cells, strict=True), strict=True)
            session.register(_STAGED, pa.table({name: pa.array(list(values)) for name, values in columns}))
            shown = listed(map(quoted, names))
            session.run(
                f"insert into {table} select {shown}, ? as _released_for, ? as _draw_id from {_STAGED}",
                [draw.released_for, draw.draw_id],
            )
            session.unregister(_STAGED)
        marks = listed("?" for _ in _COLUMNS)
        session.run(f"insert into {_DRAWS} values ({marks})", [asdict(draw)[name] for name in _COLUMNS])
    session.unregister(_LABELS)


def show(session: Session, draw: KeptDraw, *, release: Release, paid: Collection[str], target: str) -> int:
    """Write the candidate: each listed cell as it was drawn last; where cells are private, this draw's. Paid ones only.

    Returns its rows. A cube with a column for its period so becomes a series: a closed period keeps its one draw.
    """
    cells = listed(map(quoted, release.quasi_identifiers))
    columns = listed(map(quoted, release.columns))
    shown = sorted(paid) if release.noise and release.noise.cells == "public" else [draw.draw_id]
    session.run(
        f"create or replace table {target} as select {columns} from (select *, row_number() over"
        f" (partition by {cells} order by _released_for desc, _draw_id desc) as newest"
        f" from {_cells_of(draw.mart, draw.declaration)}"
        f" where _released_for <= ? and _draw_id in ({listed('?' for _ in shown)})) as drawn"
        f" where newest = 1 order by {columns}",
        [draw.released_for, *shown],
    )
    return int(session.value(f"select count(*) from {target}"))


def measure_type(measure: Measure) -> str:
    """Return the type that a measure is published in: whole numbers, or cents of a sum."""
    is_whole = measure.how != "sum" or (measure.round_to is not None and measure.round_to == int(measure.round_to))
    return "bigint" if is_whole else "decimal(18, 2)"


def _types() -> list[str]:
    """Return the columns of the table of draws."""
    return [f"{name} {'double' if name in ('epsilon', 'delta') else 'varchar'}" for name in _COLUMNS]


def _cells_of(mart: str, declaration: str) -> str:
    """Return the table of a mart's cells under one declaration."""
    return f"restricted.noisy_cells.{quoted(f'{mart}__{declaration}')}"


def _empty(release: Release) -> str:
    """Return a query of no rows with the columns that are kept; labels have the type of the records."""
    labels = [quoted(label) for label in release.quasi_identifiers]
    sizes = [f"cast(0 as bigint) as {quoted(release.class_size)}"] if release.class_size else []
    measures = [f"cast(0 as {measure_type(measure)}) as {quoted(name)}" for name, measure in release.measures.items()]
    own = ["cast('' as varchar) as _released_for", "cast('' as varchar) as _draw_id"]
    return f"select {listed([*labels, *sizes, *measures, *own])} from {_LABELS}"
