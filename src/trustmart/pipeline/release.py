"""Release: open the anonymized marts to readers once they have proved that nobody in them stands out."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from trustmart.anonymizing.words import quoted
from trustmart.errors import ReleaseHeld
from trustmart.gates import Finding, GateReport, ZoneGateReport, inspect_all, inspect_audiences, inspect_zones
from trustmart.ledger import Sealed
from trustmart.pipeline.context import Context
from trustmart.pipeline.door import findings_of_door
from trustmart.pipeline.history import findings_of_past, memory_of, write_notices
from trustmart.pipeline.manifest import checkpoints, head, name_of, published_facts, verdicts
from trustmart.pipeline.moves import NOT_SOUGHT, held_candidates, moves_of_held
from trustmart.pipeline.publication import publish, settle
from trustmart.pipeline.shown import list_releases
from trustmart.pipeline.standing import nights_old, standing_facts
from trustmart.pipeline.use_cases import findings_of_not_built
from trustmart.warehouse import CANDIDATE_SCHEMA, Session, naive_utc


def release(context: Context) -> dict[str, Any]:
    """Inspect every candidate, publish those that pass as one release, and leave the others' last release standing.

    What would release a held mart is looked for when all is published and written down, and nobody has to wait. Never
    raises for a held mart; see `raise_if_held`.
    """
    started = time.monotonic()
    data_docs = context.settings.runs_folder / "data_docs"
    # Nobody else may write in between: what is published is what was inspected.
    with context.warehouse.exclusive():
        settle(context)
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
        judged = checkpoints(zones, audiences)
        sealed = publish(context, lambda session: _fill(session, context, reports, judged))
        held = held_candidates(context, reports, not_built)
    marts = [
        {**mart.as_dict(), **_standing_since(sealed, mart.mart, context), **(NOT_SOUGHT if mart.held else {})}
        for mart in reports
    ]
    report: dict[str, Any] = {
        "as_of": context.as_of.isoformat(),
        "release_id": sealed.release_id,
        "release_number": sealed.number,
        "policy_version": context.policy.version,
        "data_docs": str(data_docs),
        "marts": marts,
        "audiences": [audience.as_dict() for audience in audiences],
        "zones": [zone.as_dict() for zone in zones.values()],
        "seconds": round(time.monotonic() - started, 2),
    }
    context.keep("release", report)
    moves = moves_of_held(context, held, memory)
    report["marts"] = [{**mart, **moves.get(mart["mart"], {})} for mart in marts]
    return context.keep("release", {**report, "seconds": round(time.monotonic() - started, 2)})


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


def _fill(
    session: Session, context: Context, reports: Sequence[GateReport], judged: Mapping[str, Any]
) -> dict[str, Any]:
    """Fill the new anonymized zone; return what its manifest says. judged: how the other zones came out."""
    last = context.releases.newest()
    write_notices(session, context)
    published = {
        report.mart: facts
        for report in reports
        if (facts := _keep_standing(session, report.mart, last) if report.held else _move_out(session, context, report))
    }
    facts = {**head(context, "release"), "verdicts": verdicts(context, reports), **judged}
    release_id = name_of({**facts, "published": published}, f"{context.as_of:%Y%m%dT%H%M%SZ}")
    published = {mart: {"release_id": release_id, **told} for mart, told in published.items()}
    list_releases(session, context, published)
    return {**facts, "release_id": release_id, "published": published}


def _move_out(session: Session, context: Context, report: GateReport) -> dict[str, Any]:
    """Copy a candidate, column by listed column, sorted so that the order of its rows says nothing."""
    columns = ", ".join(quoted(column) for column in context.policy.releases[report.mart].columns)
    session.run(
        f"create table anonymized.{report.mart} as select {columns}"
        f" from restricted.{CANDIDATE_SCHEMA}.{report.mart} order by {columns}"
    )
    return published_facts(context, session, report)


def _keep_standing(session: Session, mart: str, last: Sealed | None) -> dict[str, Any] | None:
    """Carry a held mart's last release over; not where it is altered: a new seal must not make it look released."""
    facts = standing_facts(session, "previous", mart, last)
    if facts is not None:
        session.run(f"create table anonymized.{mart} as from previous.{mart}")
    return facts


def _standing_since(sealed: Sealed, mart: str, context: Context) -> dict[str, Any]:
    """Return since when a held mart's standing release stands, and how many nights old it is."""
    facts = sealed.manifest["published"].get(mart)
    if facts is None or sealed.manifest["verdicts"][mart]["verdict"] == "released":
        return {"standing_since": None, "nights_old": None}
    since = datetime.fromisoformat(facts["released_at"])
    return {"standing_since": since.isoformat(), "nights_old": nights_old(since, naive_utc(context.as_of))}
