"""What one needs beside the verbs: policy, requests of people, a CRM to try, the state of things, dbt."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from trustmart.cli.app import AsJson, app, errors_for_people, open_tools, print_json, progress


# Whatever is typed too much is kept from the parser, which would repeat it: it may be the customer's number.
@app.command(context_settings={"allow_extra_args": True})
def request(
    typed: typer.Context,
    kind: Annotated[str, typer.Argument(help="erasure, objection or restriction")],
    customer_id: Annotated[
        str | None, typer.Option(help="The customer's number; asked for when it is not given here.")
    ] = None,
    source: Annotated[str, typer.Option(help="The source whose number it is.")] = "crm",
    scope: Annotated[str | None, typer.Option(help="What is objected to; everything unless given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take down a person's request; it takes effect with the next `trustmart forget` (every 15 minutes)."""
    with errors_for_people():
        from trustmart import pipeline

        if typed.args:
            raise typer.BadParameter("one kind is enough; give the customer's number with --customer-id, or when asked")
        # Asked for, so that the number need not stand in the shell's history.
        number = customer_id or typer.prompt("Customer number", hide_input=True)
        receipt = pipeline.receive_request(open_tools(None), kind=kind, customer_id=number, source=source, scope=scope)
        if as_json:
            print_json(receipt)
        else:
            typer.echo(f"{kind} request {receipt['request_id']} is taken down. To carry it out now: trustmart forget")


@app.command()
def generate(
    folder: Annotated[Path | None, typer.Argument(help="Where to write the six files (var/crm unless given).")] = None,
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Another seed gives another CRM.")] = 1,
    file_format: Annotated[str, typer.Option(help="csv or parquet")] = "csv",
    as_json: AsJson = False,
) -> None:
    """Make a bank's CRM extract to try things on; nobody in it exists."""
    with errors_for_people():
        from trustmart.settings import Settings
        from trustmart.sources.synthetic import generate as generate_crm

        if file_format not in ("csv", "parquet"):
            raise typer.BadParameter("--file-format is csv or parquet")
        place = folder or Settings().data_folder / "crm"
        with progress(as_json) as (start, on_rows, _):
            start("generate")
            rows = generate_crm(
                place,
                customers=customers,
                seed=seed,
                as_of=datetime.now(UTC).date(),
                file_format="parquet" if file_format == "parquet" else "csv",
                progress=on_rows,
            )
        if as_json:
            print_json({"folder": str(place), "rows": rows})
        else:
            total = sum(rows.values())
            typer.echo(f"{total:,} rows in {len(rows)} files in {place}. Next: trustmart night --crm {place}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say what was released and sent last, whether the ledger is whole, and where everything is."""
    with errors_for_people():
        from trustmart.pipeline import files

        context = open_tools(None)
        fault = context.ledger.first_fault()
        kinds = ("release", "activation", "erasure")
        last = {kind: context.ledger.last(kind) if fault is None else None for kind in kinds}
        facts: dict[str, Any] = {
            "policy_version": context.policy.version,
            "ledger": "whole" if fault is None else f"broken at entry {fault}",
            "files": files(context),
            **{kind: {"at": entry.at, **entry.facts} if entry else None for kind, entry in last.items()},
        }
        if as_json:
            print_json(facts)
        else:
            Console().print_json(json.dumps(facts))
        if fault is not None:
            raise typer.Exit(3)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(context: typer.Context) -> None:
    """Run any dbt command with policy and keys filled in, e.g. trustmart dbt build --select int_subjects__standing.

    Anonymized marts are made by `trustmart transform`.
    """
    with errors_for_people():
        from trustmart.pipeline.dbt_project import run_dbt

        if not run_dbt(open_tools(None), context.args or ["--help"], quiet=False).ok:
            raise typer.Exit(1)


@app.command()
def docs() -> None:
    """Build dbt's documentation of every model and column as one page."""
    with errors_for_people():
        from trustmart.pipeline.dbt_project import artifacts_folder, run_dbt

        context = open_tools(None)
        ok = run_dbt(context, ["docs", "generate", "--static", "--empty-catalog"]).ok
        if not ok:
            raise typer.Exit(1)
        page = context.settings.runs_folder / "models.html"
        page.write_bytes((artifacts_folder(context) / "static_index.html").read_bytes())
        typer.echo(f"every model and column: {page}")
