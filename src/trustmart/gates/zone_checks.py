"""What the restricted and the personal zone must prove, one function each: SQL in the warehouse, findings out."""

from collections.abc import Callable, Mapping, Sequence

from trustmart.gates.measures_sql import Reader, columns_of, quoted, restricted
from trustmart.gates.report import Finding

PERMITTED_TABLE = "int_subjects__permitted"


def rows_name_their_subject(reader: Reader, *, mart: str) -> list[Finding]:
    """Every row that came in is somebody's: what cannot be erased with its person must not be kept.

    mart: a raw table; one that no delivery has made yet has nothing to prove.
    """
    if "subject_id" not in columns_of(reader, mart):
        what = f"{mart} does not say whose its rows are"
        return _found(1 if columns_of(reader, mart) else 0, what, "ingest it again: trustmart ingest")
    nameless = _count(reader, f"select count(*) from {restricted(mart)} where subject_id is null")
    return _found(nameless, f"{nameless} rows of {mart} name no subject", "look how its subject is worked out")


def rows_add_up(reader: Reader, *, mart: str) -> list[Finding]:
    """Rows in are rows loaded plus rows quarantined, and every quarantined row has its reason.

    mart: the table of batches (trustmart.warehouse.bookkeeping).
    """
    wrong = _count(
        reader,
        f"with reasons as (select batch_id, source, table_name, sum(rows) as rows from {restricted('batch_reasons')}"
        " group by batch_id, source, table_name)"
        f" select count(*) from {restricted(mart)} as batches left join reasons on reasons.batch_id = batches.batch_id"
        " and reasons.source = batches.source and reasons.table_name = batches.table_name"
        " where batches.rows_in <> batches.loaded + batches.quarantined"
        " or batches.quarantined <> coalesce(reasons.rows, 0)",
    )
    return _found(wrong, f"{wrong} batches lost rows, or rejected some without a reason", "ingest them again")


def sent_columns(reader: Reader, *, mart: str, columns: Sequence[str], free_text: Sequence[str]) -> list[Finding]:
    """What is to be sent is there, and what somebody wrote about a person is not.

    columns: what destinations' formats are made from. free_text: columns that are never sent.
    """
    present = set(columns_of(reader, mart, zone="personal"))
    missing = [column for column in ("subject_id", *columns) if column not in present]
    free = [column for column in free_text if column in present]
    return [
        *_found(len(missing), f"columns are missing: {', '.join(missing)}", f"select them in {mart}"),
        *_found(len(free), f"free text is among the columns: {', '.join(free)}", f"drop it from {mart}"),
    ]


def one_row_per_person(reader: Reader, *, mart: str) -> list[Finding]:
    """Every row names somebody, and nobody twice."""
    if "subject_id" not in columns_of(reader, mart, zone="personal"):
        return []  # sent_columns says so
    nameless = _count(reader, f"select count(*) from {_personal(mart)} where subject_id is null")
    repeated = _count(
        reader,
        f"select count(*) - count(distinct subject_id) from {_personal(mart)} where subject_id is not null",
    )
    return [
        *_found(nameless, f"{nameless} rows have no subject_id", f"join {mart} from the door ({PERMITTED_TABLE})"),
        *_found(repeated, f"{repeated} rows repeat a subject_id", f"make {mart} one row per person"),
    ]


def permitted_rows(reader: Reader, *, mart: str, use_case: str) -> list[Finding]:
    """Consent belongs to a row: each has a permission that stands now, for exactly this use case."""
    if not {"subject_id", "use_case"} <= set(columns_of(reader, PERMITTED_TABLE)):
        what = f"there is no {PERMITTED_TABLE} to prove a permission with"
        return _found(1, what, f"build {PERMITTED_TABLE}")
    if "subject_id" not in columns_of(reader, mart, zone="personal"):
        return []
    unpermitted = _count(
        reader,
        f"select count(*) from {_personal(mart)} as sent where subject_id is not null and not exists ("
        f"select 1 from {restricted(PERMITTED_TABLE)} as permitted"
        " where permitted.subject_id = sent.subject_id and permitted.use_case = ?)",
        use_case,
    )
    step = f"join {mart} from the door ({PERMITTED_TABLE}) for {use_case}"
    return _found(unpermitted, f"{unpermitted} rows have no permission for {use_case}", step)


ZONE_CHECKS: Mapping[str, Callable[..., list[Finding]]] = {
    check.__name__: check
    for check in (rows_name_their_subject, rows_add_up, sent_columns, one_row_per_person, permitted_rows)
}


def _found(count: int, what: str, next_step: str) -> list[Finding]:
    """Return a finding where there is something to say."""
    return [Finding(what=what, count=count, next_step=next_step)] if count else []


def _personal(mart: str) -> str:
    """Return a personal mart's full name."""
    return f"personal.main.{quoted(mart)}"


def _count(reader: Reader, statement: str, *parameters: str) -> int:
    """Return the number that a query yields."""
    return int(reader.rows(statement, parameters)[0][0])
