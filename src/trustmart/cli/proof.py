"""What a data protection officer asks for: the record of processing, and every verdict there ever was."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from trustmart.cli.app import AsJson, app, errors_for_people, open_tools, print_json

_NO_VERDICT = "no verdict yet; every build writes down those that are new: trustmart transform"


@app.command()
def record(
    csv: Annotated[Path | None, typer.Option(help="Write it as CSV, for a spreadsheet.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as a page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the record of processing activities (GDPR Art. 30), as it falls out of the policy."""
    with errors_for_people():
        from trustmart.legal_basis import statuses_of
        from trustmart.legal_basis.record import record_rows
        from trustmart.policy import load_policy
        from trustmart.report.record_page import record_csv, record_page
        from trustmart.settings import Settings

        policy = load_policy(Settings().policy_folder)
        rows = record_rows(policy, statuses_of(policy))
        if csv is not None:
            csv.write_text(record_csv(rows), encoding="utf-8", newline="")
        if html is not None:
            html.write_text(record_page(rows, policy_version=policy.version), encoding="utf-8")
        if as_json:
            print_json(rows)
            return
        for path in filter(None, (csv, html)):
            typer.echo(f"{len(rows)} activities in {path}")
        if csv is None and html is None:
            typer.echo(record_csv(rows), nl=False)


@app.command()
def decisions(
    use_case: Annotated[str | None, typer.Option(help="Only those on this use case.")] = None, as_json: AsJson = False
) -> None:
    """List every verdict there ever was, with the policy version it was made under."""
    with errors_for_people():
        entries = open_tools(None).ledger.entries("decision")
        found = [{"at": entry.at, **entry.facts} for entry in entries if use_case in (None, entry.facts["use_case"])]
        if as_json:
            print_json(found)
            return
        Console().print(_table(found) if found else _NO_VERDICT)


def _table(found: list[dict[str, Any]]) -> Table:
    """Return the verdicts, oldest first."""
    columns = ("at", "use_case", "legal_basis", "status", "version", "policy_version")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        # A name or a version that is cut short can be neither read nor copied.
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=column == "use_case")
    for entry in found:
        table.add_row(*(str(entry[column])[:16] if column == "at" else str(entry[column]) for column in columns))
    return table
