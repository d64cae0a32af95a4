"""What is learned is published together with what it is learned from, or not at all."""

from collections.abc import Sequence
from dataclasses import replace

from trustmart.gates.report import Finding, GateReport
from trustmart.policy import Policy


def held_with_their_teachers(policy: Policy, reports: Sequence[GateReport]) -> list[GateReport]:
    """Hold every learned mart whose teacher is held, or was not inspected with it.

    What is learned from rows that were published says nothing that they do not say; of rows that were held, nobody has
    shown that it may be said.
    """
    passed = {report.mart for report in reports if not report.held}
    return [_with_teacher(policy, report, passed) for report in reports]


def _with_teacher(policy: Policy, report: GateReport, passed: set[str]) -> GateReport:
    """Return a report, held where its teacher is."""
    learned = policy.releases[report.mart].learned
    if learned is None or learned.learned_from in passed:
        return report
    finding = Finding(
        what=f"it is learned from {learned.learned_from}, which is not released tonight",
        count=1,
        next_step=f"see why {learned.learned_from} is held, and mend that",
    )
    return replace(report, findings=(*report.findings, finding))
