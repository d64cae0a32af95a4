"""The consent gate: every row of an audience has a permission that stands now, for exactly its purpose."""

from collections.abc import Mapping
from types import MappingProxyType

from trustmart.gates.looking import look
from trustmart.gates.measures_sql import Reader, columns_of, quoted
from trustmart.gates.report import AudienceGateReport, Checked, Finding
from trustmart.gates.zone_suites import personal_requirements
from trustmart.policy import Policy
from trustmart.warehouse import Warehouse


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
        if not columns_of(session, audience, zone="personal"):
            return _report(policy, audience, rows=0, findings=(_no_table(audience),))
        checks = tuple(
            Checked(
                expectation=one.expectation,
                about=one.about,
                findings=tuple(look(one.check, session, one.arguments).findings),
            )
            for one in personal_requirements(policy, audience)
        )
        rows = int(session.rows(f"select count(*) from personal.main.{quoted(audience)}")[0][0])
    except Exception as error:  # noqa: BLE001 - fail closed, and its message may quote a value
        return _report(policy, audience, rows=0, findings=(_not_inspected(error),))
    findings = tuple(finding for one in checks for finding in one.findings)
    return _report(policy, audience, rows=rows, findings=findings, checks=checks)


def _report(
    policy: Policy, audience: str, *, rows: int, findings: tuple[Finding, ...], checks: tuple[Checked, ...] = ()
) -> AudienceGateReport:
    """Put a report together."""
    asked = policy.audiences[audience]
    return AudienceGateReport(
        audience=audience,
        title=asked.title,
        use_case=asked.use_case,
        rows=rows,
        findings=findings,
        checks=checks,
    )


def _no_table(audience: str) -> Finding:
    """Say that there is nothing to inspect."""
    return Finding(what=f"there is no mart {audience}", count=0, next_step="build it, and look why its model failed")


def _not_inspected(error: Exception) -> Finding:
    """Say that a look was not possible; of the error, only its type is told."""
    return Finding(what=f"it could not be inspected ({type(error).__name__})", count=1, next_step="mend what broke")
