"""Every measure of a published table, in SQL over what is published: nulls are labels and values like any other."""

import math
from collections.abc import Sequence

from trustmart.anonymity.table_measures import RECURSIVE_L, SensitiveMeasures, TableMeasures, summarize_table
from trustmart.anonymizing.class_sql import diversity, ordered_t
from trustmart.anonymizing.config import ReleaseConfig
from trustmart.anonymizing.words import kept, listed, numbered, quoted
from trustmart.warehouse import Session


def inspect_table(
    session: Session,
    relation: str,
    quasi_identifiers: Sequence[str],
    *,
    sensitive: Sequence[str] = (),
    k: int = 2,
    records_total: int | None = None,
) -> TableMeasures:
    """Measure a relation of the engine; as `trustmart.anonymity.table_measures.measure_table` does with rows."""
    found = [_measure_sensitive(session, relation, quasi_identifiers, column) for column in sensitive]
    # Whichever column is looked at, the classes are the same.
    sizes = found[0][1] if found else class_size_counts(session, relation, quasi_identifiers)
    measured = {column: measures for column, (measures, _) in zip(sensitive, found, strict=True)}
    return summarize_table(sizes, k=k, records_total=records_total, sensitive=measured)


def inspect_release(session: Session, relation: str, config: ReleaseConfig, *, records_total: int) -> TableMeasures:
    """Measure what a configuration has published. records_total: how many records it was made from."""
    return inspect_table(
        session,
        relation,
        list(config.quasi_identifiers),
        sensitive=list(config.sensitive),
        k=config.minimum_class_size,
        records_total=records_total,
    )


def class_size_counts(session: Session, relation: str, quasi_identifiers: Sequence[str]) -> dict[int, int]:
    """Return how many classes there are of each size."""
    columns = listed(quoted(column) for column in quasi_identifiers)
    # The columns themselves are left behind: one of them may be called what a count is called here.
    found = session.rows(
        f"with classes as (select count(*) as size from {relation} group by {columns})"
        " select size, count(*) from classes group by size"
    )
    return {int(size): int(classes) for size, classes in found}


def _measure_sensitive(
    session: Session, relation: str, quasi_identifiers: Sequence[str], column: str
) -> tuple[SensitiveMeasures, dict[int, int]]:
    """Measure every class in one statement, and take the worst of each; return also how many are of each size."""
    ratios = listed(f"max(coalesce(ratio_{l}, cast('infinity' as double)))" for l in RECURSIVE_L)  # noqa: E741
    statements = [
        *_counted(session, relation, quasi_identifiers, column),
        "shares as (select code, code as place,"
        " sum(people) * 1e0 / (select sum(people) from counted) as share from counted group by code)",
        *diversity("judged", "counted", "shares", ["class"], RECURSIVE_L),
        *ordered_t("ordered", "counted", "shares", ["class"], "(select count(*) from shares)"),
    ]
    rows = session.rows(
        f"with {', '.join(statements)} select size, count(*), min(distinct_values), min(entropy), max(judged.t),"
        f" max(ordered.t), {ratios} from judged join ordered on ordered.class = judged.class group by size"
    )
    figures = list(zip(*rows, strict=True)) if rows else [()] * (6 + len(RECURSIVE_L))
    sizes, classes, distinct, entropy, t, ordered, *recursive = figures
    measures = SensitiveMeasures(
        smallest_diversity=min(map(int, distinct), default=None),
        smallest_entropy_diversity=min(entropy, default=None),
        recursive_c_for_l={
            l: _finite(max(map(float, found), default=math.inf))
            for l, found in zip(RECURSIVE_L, recursive, strict=True)  # noqa: E741
        },
        largest_t=max((max(float(distance), 0.0) for distance in t), default=None),
        largest_ordered_t=max((max(float(distance), 0.0) for distance in ordered), default=None),
    )
    return measures, {int(size): int(number) for size, number in zip(sizes, classes, strict=True)}


def _counted(session: Session, relation: str, quasi_identifiers: Sequence[str], column: str) -> list[str]:
    """Return `counted`: the people of each class and value, as numbers. Columns get names of ours."""
    columns, value = [quoted(name) for name in quasi_identifiers], quoted(column)
    keys = [f"key_{place}" for place in range(len(columns))]
    named = listed(f"{old} as {new}" for old, new in zip(columns, keys, strict=True))
    same = " and ".join(f"classes.{key} is not distinct from grouped.{key}" for key in keys)
    counted = (
        "select class, coalesce(domain.code, 0) as code, people from grouped"
        f" join classes on {same} left join domain on domain.held = grouped.held"
    )
    return [
        f"grouped as (select {named}, {value} as held, count(*) as people from {relation}"
        f" group by {listed(columns)}, {value})",
        f"classes as (select {listed(keys)}, {numbered(keys, session.dialect)} as class"
        f" from (select {listed(keys)} from grouped group by {listed(keys)}) as different)",
        "domain as (select held, row_number() over (order by held) as code"
        " from (select held from grouped where held is not null group by held) as known)",
        f"counted as {kept(counted, session.dialect)}",
    ]


def _finite(number: float) -> float | None:
    """Return a number that JSON can say; None for infinity."""
    return None if math.isinf(number) else number
