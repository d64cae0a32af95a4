"""A whole night: ingest → forget → transform → release → activate, and its report."""

import gc
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from trustmart.pipeline.activate import activate
from trustmart.pipeline.context import Context
from trustmart.pipeline.dbt_project import OnNode
from trustmart.pipeline.forget import forget
from trustmart.pipeline.ingest import Progress, ingest
from trustmart.pipeline.release import release
from trustmart.pipeline.transform import transform
from trustmart.report import write_page

STAGES = ("ingest", "forget", "transform", "release", "activate")


def night(
    context: Context,
    *,
    on_stage: Callable[[str], None] | None = None,
    on_rows: Progress | None = None,
    on_node: OnNode | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Run the five stages in order and return their reports by name.

    dry_run: nothing leaves; the last stage only says what would. A stage that raises leaves yesterday's release and
    audiences standing; running the night again with the same as_of carries on.
    """
    tell = on_stage or (lambda stage: None)
    _import_meanwhile()
    tell("ingest")
    ingest(context, progress=on_rows)
    tell("forget")
    forget(context)
    tell("transform")
    transform(context, on_node=on_node)
    tell("release")
    release(context)
    tell("activate")
    last = activate(context, dry_run=dry_run)
    write_report(context)
    return {**stages(context), "activate": last}


def _import_meanwhile() -> None:
    """Import what later stages need (seconds of it) while the engine works on the CRM."""
    heavy = ("dbt.cli.main", "great_expectations", "matplotlib.figure", "matplotlib.backends.backend_svg")
    Thread(target=_import_for_good, args=heavy, name="import-meanwhile", daemon=True).start()


def _import_for_good(*names: str) -> None:
    """Import modules without looking for garbage in them, now or later: what an import makes is there to stay."""
    gc.disable()
    try:
        for name in names:
            import_module(name)
        gc.freeze()
    finally:
        gc.enable()


def stages(context: Context) -> dict[str, Any]:
    """Return what the stages of this night have reported so far."""
    return {stage: kept for stage in STAGES if (kept := context.kept(stage)) is not None}


def write_report(context: Context) -> Path:
    """Write the night's page and return its path."""
    path = context.run_folder / "report.html"
    write_page(stages(context), path, context.policy.version, files=files(context))
    return path


def files(context: Context) -> dict[str, str]:
    """Return where a person finds what a night has made."""
    places = {
        "marts for analysts": context.warehouse.path("anonymized"),
        "the night's page": context.run_folder / "report.html",
        "what the gate found": context.settings.runs_folder / "data_docs" / "index.html",
        "ledger": context.settings.ledger_file,
    }
    for name, destination in context.policy.destinations.items():
        places[f"audiences for {name}"] = context.settings.home / destination.folder
    return {name: str(path) for name, path in places.items() if path.exists()}
