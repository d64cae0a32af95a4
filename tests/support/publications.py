"""A small deployment whose releases are made by hand: no CRM, no dbt, one mart, its members, and a kill where it hurts."""

import os
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from support.killing import Kill, arm
from trustmart.ledger import Sealed
from trustmart.pipeline import open_context
from trustmart.pipeline.context import Context
from trustmart.pipeline.manifest import columns_told, head, name_of
from trustmart.pipeline.publication import publish
from trustmart.pipeline.shown import list_releases
from trustmart.settings import Settings
from trustmart.warehouse import DOOR_SCHEMA, Session
from trustmart.warehouse.contents import content_digest, tables_in

MART = "dim_customer_segments"
OTHER = "fct_transactions_by_segment"


def context_at(data: Path, night: datetime, *, policy: Path | None = None) -> Context:
    """Open a deployment at a night."""
    settings = Settings(data=data, key=SecretStr("k" * 64), policy=policy)
    return open_context(as_of=night, now=night, settings=settings)


def release_by_hand(context: Context, figures: dict[str, dict[str, int]], members: dict[str, int]) -> Sealed:
    """Publish marts whose classes have these figures, and of which the door says who is in the first one's classes.

    figures: per mart, people by label. members: how many people each class of `MART` has.
    """
    with context.warehouse.session(writes="restricted") as session:
        session.run(f"create schema if not exists restricted.{DOOR_SCHEMA}")
        people = " union all ".join(
            f"select '{label}' as class_id, '{label}-' || range as subject_id from range({number})"
            for label, number in members.items()
        )
        session.run(f'create or replace table restricted.{DOOR_SCHEMA}."{MART}__members" as {people}')
    return publish(context, lambda session: _fill(session, context, figures))


def _fill(session: Session, context: Context, figures: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Make the marts' tables, with columns as policy has them."""
    published: dict[str, Any] = {}
    for mart, classes in figures.items():
        release = context.policy.releases[mart]
        labels = ", ".join(f"label as {column}" for column in release.quasi_identifiers)
        measures = "".join(f", people * 2 as {column}" for column in release.measures)
        rows = ", ".join(f"('{label}', {people})" for label, people in classes.items())
        session.run(
            f"create table anonymized.{mart} as select {labels}, people as {release.class_size}{measures}"
            f" from (values {rows}) as made (label, people) order by all"
        )
        published[mart] = {
            "released_at": context.as_of.replace(tzinfo=None).isoformat(),
            "policy_version": context.policy.version,
            "minimum_class_size": release.minimum_class_size,
            "smallest_class": min(classes.values()),
            "rows": len(classes),
            "people": sum(classes.values()),
            "columns": columns_told(context.policy, mart),
            "classes": list(release.quasi_identifiers),
            "recoding": None,
            "epoch": None,
            "digest": content_digest(session, "anonymized", mart),
        }
    session.run("create table anonymized.notices (mart varchar, epoch bigint, since timestamp, notice varchar)")
    verdicts = {mart: {"verdict": "released", "is_remembered": True, **facts} for mart, facts in published.items()}
    facts = {**head(context, "release"), "verdicts": verdicts}
    release_id = name_of({**facts, "published": published}, f"{context.as_of:%Y%m%dT%H%M%SZ}")
    published = {mart: {"release_id": release_id, **told} for mart, told in published.items()}
    list_releases(session, context, published)
    return {**facts, "release_id": release_id, "published": published}


def readers_see(context: Context) -> dict[str, list[tuple]]:
    """Return every row of every table that readers have."""
    with context.warehouse.published({"standing": context.warehouse.path("anonymized")}) as session:
        tables = tables_in(session, "standing")
        return {table: session.rows(f'from standing."{table}" order by all') for table in tables}


def killed(kill: Kill, folder: Path, action: Callable[[], object]) -> bool:
    """Do something in a process that dies where the kill says; return whether it died of that."""
    child = os.fork()
    if not child:
        try:
            signal.alarm(120)
            arm(kill, folder)
            action()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL
