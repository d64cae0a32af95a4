"""What every command has in common: the app, its options, errors in words, progress where somebody waits."""

import atexit
import gc
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
from trustmart.errors import Held, TrustmartError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn a CRM into data that a company may lawfully use.",
)
screen = Console(stderr=True)
# 2 says that something is held, and nothing else: a mistyped command is an error like any other.
UsageError: Any = typer.BadParameter.__base__
UsageError.exit_code = 1

AsOf = Annotated[
    str | None,
    typer.Option(help="Decide for this instant (2026-11-20 or 2026-11-20T23:59:59Z) instead of now."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]
DryRun = Annotated[bool, typer.Option(help="Say what would leave, and let nothing leave.")]
Crm = Annotated[Path | None, typer.Option(help="Folder of the CRM extract (sets TRUSTMART_CRM_FOLDER).")]


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Set up what every command needs: no telemetry, from anything, and a quick end."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # Python would look for garbage once more, for a second or two; the system takes everything back anyway.
    atexit.register(gc.freeze)
    if version:
        typer.echo(f"trustmart {__version__}")
        raise typer.Exit


def open_tools(as_of: str | None, crm: Path | None = None) -> Any:
    """Open the context for an instant."""
    from trustmart.pipeline import open_context

    if crm is not None:
        os.environ["TRUSTMART_CRM_FOLDER"] = str(crm.resolve())
    return open_context(as_of=None if as_of is None else instant_of(as_of))


def instant_of(text: str) -> datetime:
    """Read an instant; a day means its last second, an instant without offset is UTC."""
    try:
        if len(text) == len("2026-11-20"):
            return datetime.combine(date.fromisoformat(text), datetime.max.time(), UTC).replace(microsecond=0)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no instant; write 2026-11-20 or 2026-11-20T23:59:59Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def progress(quiet: bool) -> Iterator[tuple[Callable[..., None], Callable[..., None], Callable[..., None]]]:
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
def errors_for_people() -> Iterator[None]:
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


def print_json(content: Any) -> None:
    """Print JSON for scripts."""
    typer.echo(json.dumps(content, indent=1, sort_keys=True))
