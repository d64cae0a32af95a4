"""What an attack brings back: findings that hold the mart, and figures that stand beside it. Never a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trustmart.anonymity.intervals import Risk
from trustmart.gates.report import Finding

Figure = float | int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """How one attack went.

    attack: G0 to G10. findings: why the mart is held; empty where it stood. figures: risk, interval, control, counts.
    skipped: why the attack does not apply to this mart; None where it was made.
    """

    attack: str
    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)
    skipped: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-serialisable counts and shares."""
        return {
            "attack": self.attack,
            "held": bool(self.findings),
            "figures": dict(self.figures),
            "skipped": self.skipped,
        }


def attacked(attack: str, findings: Sequence[Finding | None] = (), **figures: Figure) -> Attacked:
    """Return an attack that was made; what was not found may be given as None."""
    return Attacked(attack=attack, findings=tuple(one for one in findings if one is not None), figures=figures)


def not_made(attack: str, why: str) -> Attacked:
    """Return an attack that does not apply."""
    return Attacked(attack=attack, skipped=why)


def lacking(attack: str, missing: Sequence[str]) -> Attacked:
    """Return an attack that finds a listed column missing: `listed_columns` holds the mart for it, once."""
    return not_made(attack, f"it lacks {', '.join(missing)}, and is held for that")


def unmeasurable(attack: str, what: str, next_step: str, *, count: int = 1) -> Attacked:
    """Return an attack that could not be made, which holds the mart."""
    return attacked(attack, [Finding(what=what, count=count, next_step=next_step)])


def interval(name: str, risk: Risk) -> dict[str, Figure]:
    """Return a risk and the ends of its interval as figures."""
    return {name: round(risk.value, 6), f"{name}_low": round(risk.low, 6), f"{name}_high": round(risk.high, 6)}
