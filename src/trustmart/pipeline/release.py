"""Release: open the anonymized marts to readers once they have proved that nobody in them stands out."""

import hashlib
import time
from typing import Any

from trustmart.errors import ReleaseHeld
from trustmart.gates import Finding, GateReport, ZoneGateReport, inspect_all, inspect_audiences, inspect_zones
from trustmart.pipeline.context import Context
from trustmart.pipeline.door import findings_of_door
from trustmart.pipeline.history import findings_of_past, memory_of, recodings_of, remember_release, write_notices
from trustmart.pipeline.moves import moves_of_held
from trustmart.pipeline.use_cases import findings_of_not_built
from trustmart.warehouse import CANDIDATE_SCHEMA, Session, naive_utc


def release(context: Context) -> dict[str, Any]:
    """Inspect every candidate, publish those that pass as one release, and leave the others' last release standing.

    Never raises for a held mart; see `raise_if_held`.
    """
    started = time.monotonic()
    data_docs = context.settings.runs_folder / "data_docs"
    # Nobody else may write in between: what is published is what was inspected.
    with context.warehouse.exclusive():
        zones = inspect_zones(context.policy, context.warehouse, data_docs_folder=data_docs)
        not_built = (
            findings_of_past(context)
            | findings_of_door(context.kept("transform"))
            | findings_of_not_built(context)
            | _all_held(context, zones["restricted"])
        )
        memory = memory_of(context)
        reports = inspect_all(
            policy=context.policy,
            warehouse=context.warehouse,
            not_built=not_built,
            data_docs_folder=data_docs,
            memory=memory,
        )
        audiences = inspect_audiences(context.policy, context.warehouse, not_built=not_built)
        release_id = _release_id(context, reports)
        with context.warehouse.new_release() as session:
            standing = _publish(session, context, reports, release_id)
        remember_release(context, [report.mart for report in reports if not report.held], release_id)
        moves = moves_of_held(context, reports, not_built, memory)
    _record(context, reports, release_id)
    report = {
        "as_of": context.as_of.isoformat(),
        "release_id": release_id,
        "policy_version": context.policy.version,
        "data_docs": str(data_docs),
        "marts": [
            {**mart.as_dict(), "standing_since": standing.get(mart.mart), **moves.get(mart.mart, {})}
            for mart in reports
        ],
        "audiences": [audience.as_dict() for audience in audiences],
        "zones": [zone.as_dict() for zone in zones.values()],
        "seconds": round(time.monotonic() - started, 2),
    }
    return context.keep("release", report)


def _all_held(context: Context, restricted: ZoneGateReport) -> dict[str, Finding]:
    """Hold everything where what came in does not add up: whatever is made of it is not to be believed."""
    found = [finding for findings in restricted.findings.values() for finding in findings]
    return dict.fromkeys((*context.policy.releases, *context.policy.audiences), found[0]) if found else {}


def raise_if_held(report: dict[str, Any]) -> None:
    """Raise ReleaseHeld where the release's report shows a mart or an audience that was held."""
    held = [mart for mart in report["marts"] if mart["verdict"] == "held"]
    held += [audience for audience in report["audiences"] if audience["verdict"] == "held"]
    if held:
        listing = "\n".join(
            f"  {item.get('mart') or item.get('audience')}: {reason}" for item in held for reason in item["reasons"]
        )
        raise ReleaseHeld(
            f"{len(held)} held; readers keep what was released before, and nobody is added to an audience:\n{listing}"
        )


def _publish(session: Session, context: Context, reports: list[GateReport], release_id: str) -> dict[str, str | None]:
    """Fill the new anonymized zone; return since when each held mart's standing release stands."""
    session.run(
        "create table anonymized.releases (mart varchar, title varchar, release_id varchar, released_at timestamp,"
        " policy_version varchar, minimum_class_size bigint, smallest_class bigint, people bigint)"
    )
    write_notices(session, context)
    standing: dict[str, str | None] = {}
    for report in reports:
        if report.held:
            standing[report.mart] = _keep_standing(session, report.mart)
        else:
            _move_out(session, context, report, release_id)
    return standing


def _move_out(session: Session, context: Context, report: GateReport, release_id: str) -> None:
    """Copy a candidate, column by listed column, sorted so that the order of its rows says nothing."""
    release = context.policy.releases[report.mart]
    columns = ", ".join(release.columns)
    session.run(
        f"create table anonymized.{report.mart} as select {columns}"
        f" from restricted.{CANDIDATE_SCHEMA}.{report.mart} order by {columns}"
    )
    session.run(
        "insert into anonymized.releases values (?, ?, ?, ?, ?, ?, ?, ?)",
        [report.mart, release.title, release_id, naive_utc(context.as_of), context.policy.version]
        + [report.minimum_class_size, report.smallest_class, report.people],
    )


def _keep_standing(session: Session, mart: str) -> str | None:
    """Carry a held mart's last release over, and return since when it stands."""
    if not session.value(
        "select count(*) from duckdb_tables() where database_name = 'previous' and table_name = ?", [mart]
    ):
        return None
    session.run(f"create table anonymized.{mart} as from previous.{mart}")
    session.run("insert into anonymized.releases from previous.releases where mart = ?", [mart])
    released_at = session.value("select released_at from previous.releases where mart = ?", [mart])
    return released_at.isoformat() if released_at else None


def _release_id(context: Context, reports: list[GateReport]) -> str:
    """Return a name for this release: its night, and a digest of what was decided."""
    decided = "\n".join(
        f"{report.mart} {report.held} {report.rows} {report.people} {report.smallest_class}" for report in reports
    )
    digest = hashlib.sha256(f"{context.policy.version}\n{decided}".encode()).hexdigest()
    return f"{context.as_of:%Y%m%dT%H%M%SZ}-{digest[:8]}"


def _record(context: Context, reports: list[GateReport], release_id: str) -> None:
    """Write the release into the ledger, once."""
    last = context.ledger.last("release")
    if last is not None and last.facts["release_id"] == release_id:
        return
    recodings = recodings_of(context)
    marts = {
        report.mart: {
            "verdict": "held" if report.held else "released",
            "rows": report.rows,
            "people": report.people,
            "smallest_class": report.smallest_class,
            "minimum_class_size": report.minimum_class_size,
            "recoding": recodings.get(report.mart),
            "is_remembered": context.policy.releases[report.mart].tier is not None,
        }
        for report in reports
    }
    facts = {"release_id": release_id, "policy_version": context.policy.version, "marts": marts}
    context.ledger.record("release", facts, at=context.as_of)
