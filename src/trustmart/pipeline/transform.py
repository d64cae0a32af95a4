"""Transform: build every model with dbt, and refuse models that reach around their zone's door."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from trustmart.errors import FenceBroken, ModelsFailed, TrustmartError
from trustmart.lineage import BrokenFences, Manifest, broken_fences, read_manifest
from trustmart.pipeline.context import Context
from trustmart.pipeline.dbt_project import DbtRun, OnNode, artifacts_folder, run_dbt
from trustmart.pipeline.door import make_marts
from trustmart.pipeline.publication import settle
from trustmart.pipeline.strategy import strategy_mix
from trustmart.pipeline.types import check_types_of_project
from trustmart.pipeline.use_cases import (
    drop_what_may_not_be,
    marts_not_built,
    personal_marts_that_may_be,
    record_decisions,
    register_crossings,
    scores_without_permission,
)
from trustmart.warehouse import CANDIDATE_SCHEMA, Session, ensure_bookkeeping, say_night


def transform(context: Context, *, on_node: OnNode | None = None) -> dict[str, Any]:
    """Build candidates and personal marts as of the night; raises TypesHeld, ModelsFailed, FenceBroken.

    A mart whose use case may not run is left out, and the report says why. on_node: told (name, status, seconds) of
    each model as it finishes.
    """
    started = time.monotonic()
    settle(context)
    record_decisions(context)
    not_built = marts_not_built(context)
    # Before any data moves: what every column will carry is read from the models' text.
    _check_types_or_take_back(context)
    _prepare(context)
    left_out = {mart.mart for mart in not_built}
    run = _build(context, exclude={*left_out, *context.policy.scores}, on_node=on_node)
    door: list[dict[str, Any]] = []
    if run.ok:
        manifest = read_manifest(artifacts_folder(context) / "manifest.json")
        _check_or_take_back(context, manifest, not_built={*left_out, *context.policy.scores})
        door = make_marts(context, manifest, not_built=left_out, on_mart=on_node)
        run = _apply_what_was_learned(context, run, _scores_of(context, door, left_out), on_node=on_node)
    report = {**_report(context, run), "door": door, "not_built": [mart.as_dict() for mart in not_built]}
    if not report["failed"]:
        report |= {"crossings": register_crossings(context), "strategy": strategy_mix(context)}
    report["seconds"] = round(time.monotonic() - started, 2)
    context.keep("transform", report)
    raise_if_failed(report)
    return report


def _build(
    context: Context,
    *,
    select: Collection[str] = (),
    exclude: Collection[str] = (),
    on_node: OnNode | None,
) -> DbtRun:
    """Build some models, or all but some. Unit tests are not about tonight's data: they run before a change lands."""
    command = ["build", "--exclude-resource-type", "unit_test"]
    command += ["--select", *sorted(select)] if select else []
    command += ["--exclude", *sorted(exclude)] if exclude else []
    return run_dbt(context, command, on_node=on_node)


def _scores_of(context: Context, door: Sequence[dict[str, Any]], left_out: Collection[str]) -> set[str]:
    """Return the scores whose anonymized mart the door has made; what it could not make is applied to nobody."""
    made = {row["mart"] for row in door if row["status"] == "made"}
    return {
        name
        for name, score in context.policy.scores.items()
        if name not in left_out
        and (score.learned_from in made or context.policy.releases[score.learned_from].tier is None)
    }


def _apply_what_was_learned(
    context: Context, run: DbtRun, scores: Collection[str], *, on_node: OnNode | None
) -> DbtRun:
    """Build the scores, now that what they were learned from is there."""
    if not scores:
        return run
    applied = _build(context, select=scores, on_node=on_node)
    if applied.ok:
        manifest = read_manifest(artifacts_folder(context) / "manifest.json")
        others = {model.name for model in manifest.models.values()} - set(scores)
        _check_or_take_back(context, manifest, not_built=others)
    return DbtRun(ok=run.ok and applied.ok, nodes=(*run.nodes, *applied.nodes))


def _check_types_or_take_back(context: Context) -> None:
    """Check the types; where they do not hold, leave no candidate of another night for a later command to release."""
    try:
        check_types_of_project(context).raise_if_held()
    except TrustmartError:
        with context.warehouse.session(writes="restricted") as session:
            _drop_candidates(session)
        raise


def _check_or_take_back(context: Context, manifest: Manifest, *, not_built: Collection[str]) -> None:
    """Check the fences; where one is broken, leave nothing standing that was built."""
    try:
        check_fences(context, manifest, not_built=not_built)
    except FenceBroken:
        _take_back(context)
        raise


def check_fences(context: Context, manifest: Manifest | None = None, *, not_built: Collection[str] = ()) -> None:
    """Raise FenceBroken where a manifest, or a row of a score, shows a way around a door.

    manifest: of the last dbt command, unless given. not_built: models whose SQL it did not run.
    """
    policy = context.policy
    fences = broken_fences(
        manifest or read_manifest(artifacts_folder(context) / "manifest.json"),
        marts={*policy.releases, *policy.personal_marts},
        crossings={name: score.learned_from for name, score in policy.scores.items()},
        tiers={name for name, release in policy.releases.items() if release.tier is not None},
        use_cases={name: mart.use_case for name, mart in policy.personal_marts.items()},
        not_built=not_built,
    )
    fences.raise_if_any()
    # A score that was left out of this build is last night's, of people who may have objected since.
    scores = set(policy.scores) - set(not_built)
    BrokenFences(findings=tuple(scores_without_permission(context, scores))).raise_if_any()


def raise_if_failed(report: dict[str, Any]) -> None:
    """Raise ModelsFailed where a model, seed or test of the report did not succeed."""
    if report["failed"]:
        raise ModelsFailed(
            f"{len(report['failed'])} of dbt's nodes failed: {', '.join(report['failed'][:10])}."
            " Nothing was released. See why (values may be shown): trustmart dbt build --select " + report["failed"][0]
        )


def _prepare(context: Context) -> None:
    """Say which night it is; make the zones' files, and the tables that models read even when they are empty."""
    with context.warehouse.session(writes="restricted") as session:
        ensure_bookkeeping(session)
        say_night(session, as_of=context.as_of, policy_version=context.policy.version)
        session.run("create table if not exists restricted.erased_mailboxes (email_mailbox varchar)")
        _drop_candidates(session)
    with context.warehouse.session(writes="personal") as session:
        drop_what_may_not_be(session, may_stay=personal_marts_that_may_be(context))


def _take_back(context: Context) -> None:
    """Leave nothing that a later command could release or send; destinations may still be told to remove people."""
    with context.warehouse.session(writes="restricted") as session:
        _drop_candidates(session)
    with context.warehouse.session(writes="personal") as session:
        drop_what_may_not_be(session, may_stay=())


def _drop_candidates(session: Session) -> None:
    """Yesterday's candidates must not be mistaken for tonight's."""
    session.run(f"drop schema if exists restricted.{CANDIDATE_SCHEMA} cascade")
    session.run(f"create schema restricted.{CANDIDATE_SCHEMA}")


def _report(context: Context, run: DbtRun) -> dict[str, Any]:
    """Say what was built, and how the customers add up."""
    tests = [node for node in run.nodes if node.kind in ("test", "unit_test")]
    built = [node for node in run.nodes if node.kind in ("model", "seed")]
    failed = [node.name for node in run.nodes if node.status in ("error", "fail", "runtime error")]
    passed = sum(node.status in ("pass", "warn") for node in tests)
    return {
        "as_of": context.as_of.isoformat(),
        "models": [
            {
                "name": node.name,
                "layer": node.folder.removeprefix("models/"),
                "zone": node.zone,
                "status": node.status,
                "seconds": node.seconds,
            }
            for node in built
        ],
        "tests": {"passed": passed, "failed": len(tests) - passed},
        "failed": failed if failed or run.ok else ["dbt itself"],
        **(_customers(context) if run.ok else {}),
    }


def _customers(context: Context) -> dict[str, Any]:
    """Count customer records, duplicates and the ones that remain; and rows of people the CRM does not know."""
    with context.warehouse.session(reads=["restricted"]) as session:
        records, kept = session.rows(
            "select (select count(*) from restricted.stg_crm__customers),"
            " (select count(*) from restricted.int_customers__deduplicated)"
        )[0]
        forgotten = session.value("select coalesce(sum(customer_records), 0) from restricted.erasures")
        orphans = {
            table: session.value(
                f"select count(*) from restricted.raw_crm__{table} where subject_id not in"
                " (select subject_id from restricted.int_customers__deduplicated)"
            )
            for table in context.policy.sources["crm"].tables
            if table != "customers"
        }
    return {
        "customers": {
            "records": records + int(forgotten),
            "duplicates": records - kept,
            "deduplicated": kept,
            "forgotten": int(forgotten),
        },
        "orphans": {table: rows for table, rows in orphans.items() if rows},
    }
