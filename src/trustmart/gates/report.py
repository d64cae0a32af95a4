"""What a gate says: held or released, why, and what to do next. Counts and column names, never a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trustmart.anonymity import SizeBin
from trustmart.errors import ActivationHeld, ReleaseHeld


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that keeps the gate shut, how often it was found, and the next step."""

    what: str
    count: int
    next_step: str

    @property
    def reason(self) -> str:
        """Return the finding as a sentence for people."""
        return f"{self.what}. {self.next_step[:1].upper()}{self.next_step[1:]}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How one expectation came out: of which column (or of the whole table), and how much was found against it."""

    expectation: str
    about: str
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as reports and manifests write it."""
        return {
            "expectation": self.expectation,
            "about": self.about,
            "met": not self.findings,
            "found": sum(finding.count for finding in self.findings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """How an anonymized mart measured up to its policy.

    attacks: how each went, as plain counts and shares. held_by: names of the checks and attacks that it does not meet.
    checks: how every expectation came out, attacks among them; empty where it was not inspected.
    """

    mart: str
    title: str
    rows: int
    people: int
    minimum_class_size: int
    smallest_class: int | None
    median_class: int | None
    suppressed_share: float | None
    maximum_suppressed: float
    histogram: tuple[SizeBin, ...]
    findings: tuple[Finding, ...]
    attacks: tuple[dict[str, Any], ...] = ()
    held_by: tuple[str, ...] = ()
    checks: tuple[Checked, ...] = ()

    @property
    def held(self) -> bool:
        """True while anything keeps the mart back."""
        return bool(self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why it is held, in sentences that end with what to do next."""
        return tuple(finding.reason for finding in self.findings)

    def raise_if_held(self) -> None:
        """Raise ReleaseHeld, which says what happened, what was asked for, and the next move."""
        if self.held:
            raise ReleaseHeld(_held_text(self.mart, self.findings, "trustmart transform, trustmart release"))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-serialisable counts."""
        return {
            "mart": self.mart,
            "title": self.title,
            "verdict": "held" if self.held else "released",
            "rows": self.rows,
            "people": self.people,
            "minimum_class_size": self.minimum_class_size,
            "smallest_class": self.smallest_class,
            "median_class": self.median_class,
            "suppressed_share": self.suppressed_share,
            "maximum_suppressed": self.maximum_suppressed,
            "histogram": [size_bin.as_dict() for size_bin in self.histogram],
            "attacks": list(self.attacks),
            "held_by": list(self.held_by),
            "checks": [one.as_dict() for one in self.checks],
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceGateReport:
    """Whether every row of an audience has its permission."""

    audience: str
    title: str
    use_case: str
    rows: int
    findings: tuple[Finding, ...]
    checks: tuple[Checked, ...] = ()

    @property
    def held(self) -> bool:
        """True while anything keeps the audience back."""
        return bool(self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why it is held, in sentences that end with what to do next."""
        return tuple(finding.reason for finding in self.findings)

    def raise_if_held(self) -> None:
        """Raise ActivationHeld, which says what happened, what was asked for, and the next move."""
        if self.held:
            raise ActivationHeld(_held_text(self.audience, self.findings, "trustmart transform, trustmart activate"))

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-serialisable counts."""
        return {
            "audience": self.audience,
            "title": self.title,
            "use_case": self.use_case,
            "verdict": "held" if self.held else "released",
            "rows": self.rows,
            "reasons": list(self.reasons),
            "checks": [one.as_dict() for one in self.checks],
        }


def _held_text(name: str, findings: Sequence[Finding], commands: str) -> str:
    """Say what is wrong on one line, and what to do about it on the next."""
    what = "; ".join(finding.what for finding in findings)
    steps = "; ".join(dict.fromkeys(finding.next_step for finding in findings))
    return f"{name} is held: {what}.\n{steps[:1].upper()}{steps[1:]}, then: {commands}"
