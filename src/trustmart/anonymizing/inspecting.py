"""Every measure of a published table, in SQL over what is published: nulls are labels and values like any other."""

from collections.abc import Sequence

from trustmart.anonymity.table_measures import RECURSIVE_L, SensitiveMeasures, TableMeasures, summarize_table
from trustmart.anonymizing.class_sql import diversity, ordered_t
from trustmart.anonymizing.config import ReleaseConfig
from trustmart.anonymizing.words import listed, quoted
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
    found = {column: _measure_sensitive(session, relation, quasi_identifiers, column) for column in sensitive}
    return summarize_table(
        class_size_counts(session, relation, quasi_identifiers), k=k, records_total=records_total, sensitive=found
    )


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
) -> SensitiveMeasures:
    """Measure every class in one statement, and take the worst of each."""
    columns, value = [quoted(name) for name in quasi_identifiers], quoted(column)
    names = [f"key_{place}" for place in range(len(columns))]
    keys, named = listed(names), listed(f"{old} as {new}" for old, new in zip(columns, names, strict=True))
    ratios = listed(f"max(coalesce(ratio_{l}, cast('infinity' as double)))" for l in RECURSIVE_L)  # noqa: E741
    values = int(
        session.value(
            f"select count(distinct {value}) + max(case when {value} is null then 1 else 0 end) from {relation}"
        )
        or 0
    )
    statements = [
        f"grouped as (select {named}, {value} as held, count(*) as people from {relation}"
        f" group by {listed(columns)}, {value})",
        "domain as (select held, row_number() over (order by held) as code"
        " from (select held from grouped where held is not null group by held) as known)",
        f"counted as (select dense_rank() over (order by {keys}) as class, coalesce(domain.code, 0) as code, people"
        " from grouped left join domain on domain.held = grouped.held)",
        "shares as (select code, code as place,"
        " sum(people) * 1e0 / (select sum(people) from grouped) as share from counted group by code)",
        *diversity("judged", "counted", "shares", ["class"], RECURSIVE_L),
        *ordered_t("ordered", "counted", "shares", ["class"], values),
    ]
    ((distinct, entropy, t, *recursive, ordered),) = session.rows(
        f"with {', '.join(statements)} select min(distinct_values), min(entropy), max(t), {ratios},"
        " (select max(t) from ordered) from judged"
    )
    return SensitiveMeasures(
        smallest_diversity=None if distinct is None else int(distinct),
        smallest_entropy_diversity=entropy,
        recursive_c_for_l={
            l: None if found is None or found == float("inf") else float(found)
            for l, found in zip(RECURSIVE_L, recursive, strict=True)  # noqa: E741
        },
        largest_t=None if t is None else max(float(t), 0.0),
        largest_ordered_t=None if ordered is None else float(ordered),
    )
