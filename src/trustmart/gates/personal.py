"""The consent gate: every row of an audience has a permission that stands now, for exactly its purpose."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from trustmart.gates.measures_sql import Reader, columns_of, quoted, restricted
from trustmart.gates.report import AudienceGateReport, Finding
from trustmart.policy import Policy
from trustmart.warehouse import Warehouse

PERMITTED_TABLE = "int_subjects__permitted"
# A destination's wire formats are made at the send, from these columns.
MADE_AT_SEND = {"email_sha256": "email_normalized"}


def inspect_audiences(
    policy: Policy, warehouse: Warehouse, *, not_built: Mapping[str, Finding] = MappingProxyType({})
) -> list[AudienceGateReport]:
    """Inspect every audience of the policy. Never raises: it holds.

    not_built: why an audience was left out of the build, for those that were.
    """
    try:
        with warehouse.session(reads=["restricted", "personal"]) as session:
            return [
                _report(policy, audience, rows=0, findings=(not_built[audience],))
                if audience in not_built
                else _inspect(session, policy, audience)
                for audience in policy.audiences
            ]
    except Exception as error:  # noqa: BLE001 - fail closed: a gate that cannot look holds everything
        finding = _not_inspected(error)
        return [_report(policy, audience, rows=0, findings=(finding,)) for audience in policy.audiences]


def _inspect(session: Reader, policy: Policy, audience: str) -> AudienceGateReport:
    """Inspect one audience."""
    try:
        present = columns_of(session, audience, zone="personal")
        if not present:
            return _report(policy, audience, rows=0, findings=(_no_table(audience),))
        findings = [*_columns(policy, audience, set(present))]
        if "subject_id" in present:
            findings += _rows_without_permission(session, policy, audience)
        rows = _count(session, f"select count(*) from {_table(audience)}")
    except Exception as error:  # noqa: BLE001 - fail closed, and its message may quote a value
        return _report(policy, audience, rows=0, findings=(_not_inspected(error),))
    return _report(policy, audience, rows=rows, findings=tuple(findings))


def _columns(policy: Policy, audience: str, present: set[str]) -> Iterator[Finding]:
    """Compare the columns with what is to be sent; free text is never sent, so it has no place here."""
    sent = [MADE_AT_SEND.get(column, column) for column in policy.audiences[audience].columns]
    if missing := [column for column in ("subject_id", *sent) if column not in present]:
        yield Finding(
            what=f"columns are missing: {', '.join(missing)}",
            count=len(missing),
            next_step=f"select them in {audience}",
        )
    free = [name for name, attribute in policy.attributes.items() if attribute.free_text and name in present]
    if free:
        yield Finding(
            what=f"free text is among the columns: {', '.join(free)}",
            count=len(free),
            next_step=f"drop it from {audience}",
        )


def _rows_without_permission(session: Reader, policy: Policy, audience: str) -> Iterator[Finding]:
    """Consent belongs to a row: count the rows that have none, name nobody, or name somebody twice."""
    use_case = policy.audiences[audience].use_case
    nameless = _count(session, f"select count(*) from {_table(audience)} where subject_id is null")
    repeated = _count(
        session,
        f"select count(*) - count(distinct subject_id) from {_table(audience)} where subject_id is not null",
    )
    if nameless:
        yield Finding(
            what=f"{nameless} rows have no subject_id",
            count=nameless,
            next_step=f"join {audience} from the door ({PERMITTED_TABLE})",
        )
    if repeated:
        yield Finding(
            what=f"{repeated} rows repeat a subject_id",
            count=repeated,
            next_step=f"make {audience} one row per person",
        )
    if not {"subject_id", "use_case"} <= set(columns_of(session, PERMITTED_TABLE)):
        yield Finding(
            what=f"there is no {PERMITTED_TABLE} to prove a permission with",
            count=1,
            next_step=f"build {PERMITTED_TABLE}",
        )
        return
    unpermitted = _count(
        session,
        f"select count(*) from {_table(audience)} as sent where subject_id is not null and not exists ("
        f"select 1 from {restricted(PERMITTED_TABLE)} as permitted"
        " where permitted.subject_id = sent.subject_id and permitted.use_case = ?)",
        use_case,
    )
    if unpermitted:
        yield Finding(
            what=f"{unpermitted} rows have no permission for {use_case}",
            count=unpermitted,
            next_step=f"join {audience} from the door ({PERMITTED_TABLE}) for {use_case}",
        )


def _report(policy: Policy, audience: str, *, rows: int, findings: tuple[Finding, ...]) -> AudienceGateReport:
    """Put a report together."""
    asked = policy.audiences[audience]
    return AudienceGateReport(
        audience=audience, title=asked.title, use_case=asked.use_case, rows=rows, findings=findings
    )


def _no_table(audience: str) -> Finding:
    """Say that there is nothing to inspect."""
    return Finding(what=f"there is no mart {audience}", count=0, next_step="build it, and look why its model failed")


def _not_inspected(error: Exception) -> Finding:
    """Say that a look was not possible; of the error, only its type is told."""
    return Finding(what=f"it could not be inspected ({type(error).__name__})", count=1, next_step="mend what broke")


def _table(audience: str) -> str:
    """Return an audience's full name."""
    return f"personal.main.{quoted(audience)}"


def _count(session: Reader, statement: str, *parameters: str) -> int:
    """Return the number that a query yields."""
    return int(session.rows(statement, parameters)[0][0])
