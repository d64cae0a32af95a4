"""The checkpoints of the zones that nobody publishes: what came in adds up, and who is in a personal mart may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustmart.gates.looking import look
from trustmart.gates.measures_sql import columns_of
from trustmart.gates.report import Checked, Finding
from trustmart.gates.requirement import Requirement
from trustmart.gates.validation import Checkpoint, Verdict, validate
from trustmart.gates.zone_suites import personal_requirements, restricted_requirements
from trustmart.policy import Policy
from trustmart.warehouse import Session, Warehouse, Zone


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneGateReport:
    """How a zone measured up: by table, how every expectation came out. broken: why nothing could be asked at all."""

    zone: Zone
    checks: Mapping[str, tuple[Checked, ...]]
    broken: tuple[Finding, ...] = ()

    @property
    def findings(self) -> dict[str, tuple[Finding, ...]]:
        """Return what was found, by table; an empty one says that all is well."""
        found = {table: tuple(each for one in asked for each in one.findings) for table, asked in self.checks.items()}
        return found | ({self.zone: self.broken} if self.broken else {})

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-serialisable counts."""
        return {
            "zone": self.zone,
            "verdict": "held" if any(self.findings.values()) else "met",
            "tables": len(self.checks),
            "expectations": sum(len(asked) for asked in self.checks.values()),
            "reasons": [f"{table}: {one.reason}" for table, found in self.findings.items() for one in found],
            "checks": {table: [one.as_dict() for one in asked] for table, asked in self.checks.items()},
        }


def inspect_zones(
    policy: Policy, warehouse: Warehouse, *, data_docs_folder: Path | None = None
) -> dict[Zone, ZoneGateReport]:
    """Run the checkpoints of the restricted and of the personal zone; return their reports by zone. Never raises.

    A table that is not there has nothing to prove here: whoever needs it says so. data_docs_folder: as for the marts.
    """
    wanted: dict[Zone, dict[str, list[Requirement]]] = {
        "restricted": restricted_requirements(policy),
        "personal": {name: personal_requirements(policy, name) for name in policy.personal_marts},
    }
    try:
        with warehouse.session(reads=list(wanted)) as session:
            present = {zone: _present(session, zone, asked) for zone, asked in wanted.items()}
            return {zone: _inspect(session, zone, asked, data_docs_folder) for zone, asked in present.items()}
    except Exception as error:  # noqa: BLE001 - fail closed: a gate that cannot look holds everything
        what = f"the zones could not be inspected ({type(error).__name__})"
        broken = (Finding(what=what, count=1, next_step="mend what broke"),)
        return {zone: ZoneGateReport(zone=zone, checks={}, broken=broken) for zone in wanted}


def _present(
    session: Session, zone: Zone, wanted: Mapping[str, Sequence[Requirement]]
) -> dict[str, Sequence[Requirement]]:
    """Return what is asked of the tables that exist."""
    return {table: asked for table, asked in wanted.items() if columns_of(session, table, zone=zone)}


def _inspect(
    session: Session, zone: Zone, wanted: Mapping[str, Sequence[Requirement]], data_docs_folder: Path | None
) -> ZoneGateReport:
    """Ask Great Expectations, and the warehouse why where it says no."""
    place = Checkpoint(zone=zone, schema=f"{zone}.main")
    verdicts = validate(wanted, session, at=place, data_docs_folder=data_docs_folder) if wanted else {}
    return ZoneGateReport(
        zone=zone,
        checks={
            table: tuple(
                Checked(
                    expectation=requirement.expectation,
                    about=requirement.about,
                    findings=tuple(_why(session, requirement, verdict)),
                )
                for requirement, verdict in zip(asked, verdicts[table], strict=True)
            )
            for table, asked in wanted.items()
        },
    )


def _why(session: Session, requirement: Requirement, verdict: Verdict) -> Sequence[Finding]:
    """Return why a requirement is not met; nothing only where Great Expectations and our own count say yes."""
    found = look(requirement.check, session, requirement.arguments).findings
    if found or verdict.met:
        return found
    trouble = verdict.trouble or "though a second count finds nothing"
    what = f"{requirement.expectation} is not met ({trouble})"
    return (Finding(what=what, count=1, next_step="look into the gate's log"),)
