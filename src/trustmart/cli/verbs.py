"""The five verbs and a whole night."""

from pathlib import Path
from typing import Any

from rich.console import Console

from trustmart.cli.app import AsJson, AsOf, Crm, DryRun, app, errors_for_people, open_tools, print_json, progress


@app.command()
def night(as_of: AsOf = None, crm: Crm = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Run a whole night: ingest, forget, transform, release, activate."""
    with errors_for_people():
        from trustmart import pipeline
        from trustmart.report import print_summary

        context = open_tools(as_of, crm)
        with progress(as_json) as (start, on_rows, on_node):
            stages = pipeline.night(context, on_stage=start, on_rows=on_rows, on_node=on_node, dry_run=dry_run)
        if as_json:
            print_json(stages)
        else:
            print_summary(stages, Console(), files=pipeline.files(context), next_steps=_next_steps(context))
        pipeline.raise_if_held(stages["release"])


@app.command()
def ingest(as_of: AsOf = None, crm: Crm = None, as_json: AsJson = False) -> None:
    """Take in what the CRM has new; every row is loaded or quarantined."""
    _run_stage("ingest", as_of, crm, as_json)


@app.command()
def forget(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Make erasures, objections, restrictions and withdrawals take effect."""
    _run_stage("forget", as_of, None, as_json)


@app.command()
def transform(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Build every model with dbt."""
    _run_stage("transform", as_of, None, as_json)


@app.command()
def release(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Inspect the anonymized marts and publish those that pass."""
    _run_stage("release", as_of, None, as_json)


@app.command()
def activate(as_of: AsOf = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Send each destination what changed in its audience."""
    _run_stage("activate", as_of, None, as_json, dry_run=dry_run)


def _run_stage(name: str, as_of: str | None, crm: Path | None, as_json: bool, **options: Any) -> None:
    """Run one verb and print its counts."""
    with errors_for_people():
        from trustmart import pipeline
        from trustmart.pipeline.learned_utility import what_learning_is_worth
        from trustmart.pipeline.night import stages, write_report
        from trustmart.report import summary

        context = open_tools(as_of, crm)
        with progress(as_json) as (start, on_rows, on_node):
            start(name)
            if name == "ingest":
                options["progress"] = on_rows
            if name == "transform":
                options["on_node"] = on_node
            report = getattr(pipeline, name)(context, **options)
        write_report(context)
        if as_json:
            print_json(report)
        else:
            Console().print(summary({**stages(context), name: report}))
            for line in what_learning_is_worth(report):
                Console().print(line)
        if name == "release":
            pipeline.raise_if_held(report)


def _next_steps(context: Any) -> list[str]:
    """Return what to type next."""
    marts = context.warehouse.path("anonymized")
    return [
        f"open {context.run_folder / 'report.html'}",
        f"python -c \"import duckdb; duckdb.connect('{marts}', read_only=True).sql('from releases').show()\"",
        "trustmart activate --dry-run",
        "make up    (Airflow with its UI)",
    ]
