"""What a release's manifest says: verdicts with figures, and of every published mart what it is, since when."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from trustmart.gates import AudienceGateReport, Finding, GateReport, ZoneGateReport
from trustmart.gates.suites import Memory, requirements
from trustmart.ledger.manifests import canonical
from trustmart.pipeline.code_version import code_version
from trustmart.pipeline.context import Context
from trustmart.pipeline.epochs import epoch_of
from trustmart.pipeline.history import memory_of, recodings_of
from trustmart.policy import Policy
from trustmart.warehouse import Session, naive_utc
from trustmart.warehouse.contents import content_digest

# 2: `checks` says of each how it came out, and there are `checkpoints` and `audiences`; 1 had names alone.
FORMAT = 2


def head(context: Context, kind: str) -> dict[str, Any]:
    """Return what every manifest begins with. kind: release, or rollback."""
    return {
        "format": FORMAT,
        "kind": kind,
        "at": context.as_of.isoformat(),
        "policy_version": context.policy.version,
        "code_version": code_version(context.settings.dbt_folder),
    }


def verdicts(context: Context, reports: Sequence[GateReport]) -> dict[str, Any]:
    """Return how the gate judged each mart: every check that was asked for, each attack's figures, what held it."""
    recodings, memory = recodings_of(context), memory_of(context)
    return {
        report.mart: {
            **finite({name: value for name, value in report.as_dict().items() if name not in _LEFT_OUT}),
            "checks": [one.as_dict() for one in report.checks] or _unanswered(context.policy, report.mart, memory),
            "findings": _counted(report.findings),
            "recoding": recodings.get(report.mart),
            "is_remembered": context.policy.releases[report.mart].tier is not None,
        }
        for report in reports
    }


_LEFT_OUT = frozenset({"mart", "title", "histogram", "reasons", "maximum_suppressed"})


def _unanswered(policy: Policy, mart: str, memory: Memory) -> list[dict[str, Any]]:
    """Return what would have been asked of a mart that was not inspected."""
    return [
        {"expectation": asked.expectation, "about": asked.about, "met": None, "found": 0}
        for asked in requirements(policy, mart, memory)
    ]


def checkpoints(zones: Mapping[Any, ZoneGateReport], audiences: Sequence[AudienceGateReport]) -> dict[str, Any]:
    """Return how the zones that nobody publishes came out, table by table, and every audience.

    How large an audience is changes by the day, and is not of the release: told again, it would be another one.
    """
    return {
        "checkpoints": {
            str(zone): {
                **{name: value for name, value in report.as_dict().items() if name not in ("zone", "reasons")},
                "findings": {table: _counted(found) for table, found in report.findings.items() if found},
            }
            for zone, report in zones.items()
        },
        "audiences": {
            report.audience: {
                **{name: report.as_dict()[name] for name in ("use_case", "verdict", "checks")},
                "findings": _counted(report.findings),
            }
            for report in audiences
        },
    }


def _counted(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return findings without what to do about them."""
    return [{"what": finding.what, "count": finding.count} for finding in findings]


def published_facts(context: Context, session: Session, report: GateReport) -> dict[str, Any]:
    """Return what is published of a mart tonight; its release's id is told when all are known."""
    epoch = epoch_of(context, report.mart)
    return {
        "released_at": naive_utc(context.as_of).isoformat(),
        "policy_version": context.policy.version,
        "minimum_class_size": report.minimum_class_size,
        "smallest_class": report.smallest_class,
        "rows": report.rows,
        "people": report.people,
        "columns": columns_told(context.policy, report.mart),
        "classes": list(context.policy.releases[report.mart].quasi_identifiers),
        "recoding": recodings_of(context).get(report.mart),
        "epoch": epoch.number if epoch else None,
        "digest": content_digest(session, "anonymized", report.mart),
    }


def columns_told(policy: Policy, mart: str) -> dict[str, str]:
    """Return each column that policy lets a mart publish, and as what: how fine, or how reckoned."""
    release = policy.releases[mart]
    told = {
        name: f"{column.attribute} as {column.hierarchy or 'itself'}, level {column.minimum_level} or coarser"
        for name, column in (*release.quasi_identifiers.items(), *release.publish.items())
    }
    told |= {
        name: f"{measure.how or 'figure'} of {measure.source_column}, rounded to {measure.round_to}"
        for name, measure in release.measures.items()
    }
    told |= {name: f"sensitive, from {model.attribute or name}" for name, model in release.sensitive.items()}
    return told | ({release.class_size: "people"} if release.class_size else {})


def name_of(facts: Mapping[str, Any], moment: str) -> str:
    """Return a release's name: its instant, and a digest of all that makes it this release."""
    return f"{moment}-{hashlib.sha256(canonical(dict(facts)).encode()).hexdigest()[:8]}"


def finite(value: Any) -> Any:
    """Return figures as JSON can hold them: what is no number is None."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
