"""What noisy releases have cost each population, and what it has left."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from trustmart.anonymity.budget import Balance
from trustmart.cli.app import AsJson, app, errors_for_people, open_tools, print_json

_NOTHING = "no release of the policy has noise, and no epsilon was ever spent"


@app.command()
def budget(
    population: Annotated[str | None, typer.Option(help="Only this population.")] = None, as_json: AsJson = False
) -> None:
    """Show the privacy budget of every population: the epsilon spent and left, year by year."""
    with errors_for_people():
        from trustmart.anonymity.budget import balances, year_of
        from trustmart.anonymizing.noise import spends_of

        context = open_tools(None)
        noises = [release.noise for release in context.policy.releases.values() if release.noise]
        budgets = {noise.population: noise.yearly_epsilon for noise in noises}
        this_year = year_of(context.now)
        every = balances(spends_of(context.ledger), budgets=budgets, this_year=this_year)
        found = [one for one in every if population in (None, one.population)]
        if as_json:
            print_json([asdict(one) for one in found])
        else:
            Console().print(_table(found) if found else _NOTHING)


def _table(found: list[Balance]) -> Table:
    """Return a line per population and year, with a bar that fills as its budget is spent."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("population", "year"):
        table.add_column(column, overflow="fold")
    for column in ("budget", "spent", "left", "delta", "draws"):
        table.add_column(column, justify="right")
    table.add_column("", min_width=10)
    for one in found:
        figures = (f"{one.budget:g}", f"{one.spent:g}", f"{one.left:g}", f"{one.delta:g}", str(one.draws))
        bar = ProgressBar(total=max(one.budget, one.spent, 1e-9), completed=one.spent, width=20)
        table.add_row(one.population, str(one.year), *figures, bar)
    return table
