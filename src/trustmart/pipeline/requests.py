"""Requests of people that reach Trustmart directly: erasure, objection, restriction."""

import os
import secrets
from typing import Any

from trustmart.errors import ConfigurationError
from trustmart.identity import derive_key, subject_id
from trustmart.pipeline.context import Context
from trustmart.pipeline.permission import known_scopes
from trustmart.warehouse import ensure_bookkeeping, naive_utc

KINDS = ("erasure", "objection", "restriction")


def receive_request(
    context: Context, *, kind: str, customer_id: str, source: str, scope: str | None = None
) -> dict[str, Any]:
    """Take a person's request down and ring the bell for the forget stage; returns its id, never the person's.

    kind: erasure, objection (with the scope objected to; none means everything) or restriction.
    """
    if kind not in KINDS:
        raise ConfigurationError(f"a request is one of {', '.join(KINDS)}")
    if source not in context.policy.sources:
        raise ConfigurationError(f"policy/sources.yml has no source {source!r}")
    scopes = known_scopes(context.policy)
    if scope is not None and scope not in scopes:
        raise ConfigurationError(f"no purpose knows the scope {scope!r} (known: {', '.join(sorted(scopes))})")
    request_id = f"TM-{secrets.token_hex(6)}"
    subject = subject_id(source, customer_id, key=derive_key(context.settings.secret_key, "subject_id"))
    with context.warehouse.session(writes="restricted") as session:
        ensure_bookkeeping(session)
        session.run(
            "insert into restricted.requests values (?, ?, ?, ?, ?, ?, ?)",
            [request_id, source, subject, customer_id, kind, scope, naive_utc(context.now)],
        )
    _ring_the_bell(context)
    return {"request_id": request_id, "kind": kind, "received_at": context.now.isoformat()}


def _ring_the_bell(context: Context) -> None:
    """Touch the file that the orchestrator watches; it says that a request came, not whose."""
    folder = context.settings.data_folder / "doorbell"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "privacy_request", os.O_WRONLY | os.O_CREAT, 0o600)
    os.close(descriptor)
