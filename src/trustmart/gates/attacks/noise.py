"""Noisy cubes: nothing stands in the candidate but what was drawn, and each cell once.

The class size protects nobody there, the noise does; a row that was never drawn has none.
"""

from collections.abc import Sequence

from trustmart.gates.attacks.outcome import Attacked, attacked, lacking, unmeasurable
from trustmart.gates.attacks.published import missing_columns, names, texts
from trustmart.gates.measures_sql import Reader, candidate, quoted
from trustmart.gates.report import Finding

CELLS = "noisy_cells"


def drawn_cells(reader: Reader, *, mart: str, cells: Sequence[str], columns: Sequence[str]) -> Attacked:
    """Compare a noisy candidate with the draws that are kept of it. cells: its labels; columns: all it publishes."""
    if missing := missing_columns(reader, mart, columns):
        return lacking("G0", missing)
    kept = reader.rows(
        "select table_name from information_schema.tables where table_catalog = 'restricted' and table_schema = ?"
        " and starts_with(table_name, ?) order by table_name",
        [CELLS, f"{mart}__"],
    )
    if not kept:
        return unmeasurable("G0", "no draw of it is kept, so its figures may have no noise", "trustmart transform")
    shown = texts(columns)
    drawn = " union all ".join(f"select {shown} from restricted.{CELLS}.{quoted(table)}" for (table,) in kept)
    ((rows, strange, repeated),) = reader.rows(
        f"with shown as (select {shown} from {candidate(mart)}), drawn as ({drawn})"
        " select (select count(*) from shown), (select count(*) from (select * from shown except select * from drawn)),"
        f" (select count(*) from shown) - (select count(*) from (select distinct {names(cells)} from shown))"
    )
    return attacked("G0", [_strange(int(strange)), _repeated(int(repeated))], rows=int(rows), not_drawn=int(strange))


def _strange(rows: int) -> Finding | None:
    """Say that rows were never drawn."""
    if not rows:
        return None
    step = "look where these rows come from; a noisy mart's rows are those that were drawn, and nothing else"
    return Finding(what=f"{rows} rows were never drawn, so they have no noise", count=rows, next_step=step)


def _repeated(rows: int) -> Finding | None:
    """Say that a cell stands there more than once: draws side by side average the noise away."""
    if not rows:
        return None
    return Finding(
        what=f"{rows} cells stand in more than one row", count=rows, next_step="show each cell's newest draw"
    )
