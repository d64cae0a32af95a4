"""Noisy cubes in the night: which labels there are is known from policy and the calendar, never from people."""

from datetime import date, timedelta
from typing import Any

from trustmart.anonymizing.made import Made
from trustmart.anonymizing.noise import make_noisy_cube
from trustmart.anonymizing.words import quoted
from trustmart.errors import ReleaseFault
from trustmart.pipeline.context import Context
from trustmart.policy import Release
from trustmart.warehouse import Session


def make_noisy(context: Context, session: Session, mart: str, release: Release, records: str, target: str) -> Made:
    """Draw a mart's noise, or show again what was drawn for this period; raises BudgetSpent, ReleaseFault."""
    is_public = release.noise is not None and release.noise.cells == "public"
    return make_noisy_cube(
        session,
        mart=mart,
        release=release,
        records=records,
        target=target,
        ledger=context.ledger,
        key=context.settings.secret_key,
        as_of=context.as_of,
        at=context.sends_at,
        domains=domains_of(context, session, release) if is_public else None,
    )


def domains_of(context: Context, session: Session, release: Release) -> dict[str, list[Any]]:
    """Return every label of each column: those of its hierarchy, or of a column `month` the month that is over."""
    found: dict[str, list[Any]] = {}
    for column, published in release.quasi_identifiers.items():
        seed = published.hierarchy or ""
        if seed and column in session.columns("restricted", seed):
            rows = session.rows(f"select distinct {quoted(column)} from restricted.{quoted(seed)} order by 1")
            found[column] = list(dict.fromkeys([*(label for (label,) in rows), "unknown"]))
        elif column == "month":
            found[column] = [month_that_is_over(context.as_of.date())]
        else:
            raise ReleaseFault(
                [f"{column}: nobody can list its labels in advance; name a seed, or ask for private cells"]
            )
    return found


def month_that_is_over(day: date) -> date:
    """Return the first day of the last whole month before a day."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)
