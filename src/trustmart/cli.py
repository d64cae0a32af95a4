"""The same verbs, for people: trustmart ingest, forget, transform, release, activate, and a whole night."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from trustmart import __version__
from trustmart.cli_anonymity import add_commands
from trustmart.errors import Held, TrustmartError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn a CRM into data that a company may lawfully use.",
)
screen = Console(stderr=True)

AsOf = Annotated[
    str | None,
    typer.Option(help="Decide for this instant (2026-11-20 or 2026-11-20T23:59:59Z) instead of now."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]
DryRun = Annotated[bool, typer.Option(help="Say what would leave, and let nothing leave.")]
Crm = Annotated[Path | None, typer.Option(help="Folder of the CRM extract (sets TRUSTMART_CRM_FOLDER).")]


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Set up what every command needs: no telemetry, from anything."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    if version:
        typer.echo(f"trustmart {__version__}")
        raise typer.Exit


@app.command()
def night(as_of: AsOf = None, crm: Crm = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Run a whole night: ingest, forget, transform, release, activate."""
    with _errors_for_people():
        from trustmart import pipeline
        from trustmart.report import print_summary

        context = _open(as_of, crm)
        with _progress(as_json) as (start, on_rows, on_node):
            stages = pipeline.night(context, on_stage=start, on_rows=on_rows, on_node=on_node, dry_run=dry_run)
        if as_json:
            _print_json(stages)
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


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check the policy: all faults of all files at once."""
    with _errors_for_people():
        from trustmart.policy import load_policy
        from trustmart.settings import Settings

        policy = load_policy(Settings().policy_folder)
        counts = {
            name: len(getattr(policy, name))
            for name in ("attributes", "sources", "purposes", "releases", "destinations", "audiences", "jurisdictions")
        }
        if as_json:
            _print_json({"policy_version": policy.version, **counts})
        else:
            said = ", ".join(f"{count} {name}" for name, count in counts.items())
            typer.echo(f"policy {policy.version} is sound: {said}")


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
    with _errors_for_people():
        from trustmart import pipeline

        if typed.args:
            raise typer.BadParameter("one kind is enough; give the customer's number with --customer-id, or when asked")
        # Asked for, so that the number need not stand in the shell's history.
        number = customer_id or typer.prompt("Customer number", hide_input=True)
        receipt = pipeline.receive_request(_open(None), kind=kind, customer_id=number, source=source, scope=scope)
        if as_json:
            _print_json(receipt)
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
    with _errors_for_people():
        from trustmart.settings import Settings
        from trustmart.sources.synthetic import generate as generate_crm

        if file_format not in ("csv", "parquet"):
            raise typer.BadParameter("--file-format is csv or parquet")
        place = folder or Settings().data_folder / "crm"
        with _progress(as_json) as (start, on_rows, _):
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
            _print_json({"folder": str(place), "rows": rows})
        else:
            total = sum(rows.values())
            typer.echo(f"{total:,} rows in {len(rows)} files in {place}. Next: trustmart night --crm {place}")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say what was released and sent last, whether the ledger is whole, and where everything is."""
    with _errors_for_people():
        from trustmart.pipeline import files

        context = _open(None)
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
            _print_json(facts)
        else:
            Console().print_json(json.dumps(facts))
        if fault is not None:
            raise typer.Exit(3)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(context: typer.Context) -> None:
    """Run any dbt command with policy and keys filled in, e.g. trustmart dbt build --select dim_customer_segments."""
    with _errors_for_people():
        from trustmart.pipeline.dbt_project import run_dbt

        if not run_dbt(_open(None), context.args or ["--help"], quiet=False).ok:
            raise typer.Exit(1)


@app.command()
def docs() -> None:
    """Build dbt's documentation of every model and column as one page."""
    with _errors_for_people():
        from trustmart.pipeline.dbt_project import artifacts_folder, run_dbt

        context = _open(None)
        ok = run_dbt(context, ["docs", "generate", "--static", "--empty-catalog"]).ok
        if not ok:
            raise typer.Exit(1)
        page = context.settings.runs_folder / "models.html"
        page.write_bytes((artifacts_folder(context) / "static_index.html").read_bytes())
        typer.echo(f"every model and column: {page}")


def _run_stage(name: str, as_of: str | None, crm: Path | None, as_json: bool, **options: Any) -> None:
    """Run one verb and print its counts."""
    with _errors_for_people():
        from trustmart import pipeline
        from trustmart.pipeline.night import stages, write_report
        from trustmart.report import summary

        context = _open(as_of, crm)
        with _progress(as_json) as (start, on_rows, on_node):
            start(name)
            if name == "ingest":
                options["progress"] = on_rows
            if name == "transform":
                options["on_node"] = on_node
            report = getattr(pipeline, name)(context, **options)
        write_report(context)
        if as_json:
            _print_json(report)
        else:
            Console().print(summary({**stages(context), name: report}))
        if name == "release":
            pipeline.raise_if_held(report)


def _open(as_of: str | None, crm: Path | None = None) -> Any:
    """Open the context for an instant."""
    from trustmart.pipeline import open_context

    if crm is not None:
        os.environ["TRUSTMART_CRM_FOLDER"] = str(crm.resolve())
    return open_context(as_of=None if as_of is None else _instant(as_of))


def _instant(text: str) -> datetime:
    """Read an instant; a day means its last second, an instant without offset is UTC."""
    try:
        if len(text) == len("2026-11-20"):
            return datetime.combine(date.fromisoformat(text), datetime.max.time(), UTC).replace(microsecond=0)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no instant; write 2026-11-20 or 2026-11-20T23:59:59Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _next_steps(context: Any) -> list[str]:
    """Return what to type next."""
    marts = context.warehouse.path("anonymized")
    return [
        f"open {context.run_folder / 'report.html'}",
        f"python -c \"import duckdb; duckdb.connect('{marts}', read_only=True).sql('from releases').show()\"",
        "trustmart activate --dry-run",
        "make up    (Airflow with its UI)",
    ]


@contextmanager
def _progress(quiet: bool) -> Iterator[tuple[Callable[..., None], Callable[..., None], Callable[..., None]]]:
    """Show the stage and what it works on; yields (start a stage, rows read, model finished)."""
    described = TextColumn("{task.description:<42}")
    columns = (SpinnerColumn(), described, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=screen, disable=quiet or not screen.is_terminal, transient=True) as bars:
        task = bars.add_task("", total=None)
        stage = ""

        def start(name: str) -> None:
            nonlocal stage
            stage = name
            bars.reset(task, description=name, total=None, completed=0)

        def on_rows(table: str, rows: int) -> None:
            bars.update(task, description=f"{stage}: {table}", advance=rows)

        def on_node(name: str, status: str, seconds: float) -> None:
            bars.update(task, description=f"{stage}: {name[:30]}", advance=1)

        yield start, on_rows, on_node


@contextmanager
def _errors_for_people() -> Iterator[None]:
    """Say what went wrong in one paragraph; exit 2 where something was held, 1 for everything else."""
    try:
        yield
    except Held as held:
        screen.print(f"{type(held).__name__}: {held}", style="yellow", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except TrustmartError as error:
        _say_and_stop(f"{type(error).__name__}: {error}")
    except ValidationError as error:
        if error.title != "Settings":
            raise
        wrong = "; ".join(f"TRUSTMART_{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors())
        _say_and_stop(f"ConfigurationError: {wrong}. Set it right, or unset it.")
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _say_and_stop(f"{type(error).__name__}: {error.strerror or 'the system refused'}{place}")


def _say_and_stop(what: str) -> None:
    """Say one paragraph, and exit 1."""
    screen.print(what, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)


def _print_json(content: Any) -> None:
    """Print JSON for scripts."""
    typer.echo(json.dumps(content, indent=1, sort_keys=True))


add_commands(app, guard=_errors_for_people)

if __name__ == "__main__":
    app()
