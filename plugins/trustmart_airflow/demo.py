"""`make demo`: a CRM of 20,000 invented customers, one night through Airflow, and what came of it."""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from trustmart.settings import Settings
from trustmart_airflow.environment import SILENCE
from trustmart_airflow.night import NightThroughAirflow, run_night

CUSTOMERS = 20_000
STAGES = ("ingest", "forget", "transform", "release", "activate")
NEXT = [
    "make up                      Airflow with its UI; the login is printed",
    ".venv/bin/trustmart night    another night, without Airflow",
    ".venv/bin/trustmart status   what was released and sent last, and where everything is",
    "make                         everything else",
]


def main() -> int:
    """Generate, run, tell; 1 if the night did not succeed."""
    os.environ.update({**SILENCE, **os.environ})
    console = Console(highlight=False, soft_wrap=True)
    settings = Settings()
    generate_crm(settings, console)
    console.print("\n[bold]One night through Airflow[/]: four DAGs, in the order their assets trigger them")
    night = run_night(settings)
    return tell(settings, night, console)


def generate_crm(settings: Settings, console: Console) -> None:
    """Write the CRM, unless an earlier demo or somebody else has put one there."""
    folder = Path(os.environ.setdefault("TRUSTMART_CRM_FOLDER", str(settings.data_folder / "crm")))
    if (folder / "customers.csv").exists():
        console.print(f"[bold]The CRM[/] is there already: {folder}")
        return
    from trustmart.sources.synthetic import generate

    began = time.monotonic()
    console.print(f"[bold]A CRM of {CUSTOMERS:,} invented customers[/], in rows")
    # Written aside first: half a CRM, after Ctrl-C, would pass for a whole one next time.
    aside = folder.with_name(f"{folder.name}.next")
    generate(
        aside,
        customers=CUSTOMERS,
        as_of=datetime.now(UTC).date(),
        progress=lambda *told: console.print("  {:<22} {:>9,}".format(*told)),
    )
    aside.rename(folder)
    console.print(f"  made in {time.monotonic() - began:.1f} s: {folder}")


def tell(settings: Settings, night: NightThroughAirflow, console: Console) -> int:
    """Print the summary, where each file is, and what to type next."""
    from trustmart.report import print_summary

    folder = settings.runs_folder / night.as_of.strftime("%Y%m%dT%H%M%SZ")
    console.print()
    print_summary(_stages(folder), console, files=_files(settings, folder, night), next_steps=NEXT)
    for task, reason in night.failures.items():
        console.print(f"\n[red]{task}[/] {escape(reason)}")
    return 0 if night.succeeded else 1


def _stages(folder: Path) -> dict[str, Any]:
    """Read what the stages reported."""
    found = {stage: folder / f"{stage}.json" for stage in STAGES}
    return {stage: json.loads(path.read_text()) for stage, path in found.items() if path.exists()}


def _files(settings: Settings, folder: Path, night: NightThroughAirflow) -> dict[str, str]:
    """Return where everything is."""
    files = {
        "the night's report (open it in a browser)": folder / "report.html",
        "anonymized marts, for analysts (DuckDB)": settings.data_folder / "warehouse" / "anonymized.duckdb",
        "audiences, as the destinations got them": settings.data_folder / "outbox",
        "proof of what was released, sent and erased": settings.ledger_file,
        "Airflow's log of this night": night.log,
    }
    return {name: str(path) for name, path in files.items() if path.exists()}


if __name__ == "__main__":
    sys.exit(main())
