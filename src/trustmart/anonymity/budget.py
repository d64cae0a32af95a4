"""A privacy budget: what a population has lost in a calendar year, and whether it may lose more.

Losses add up (basic sequential composition: Dwork, McSherry, Nissim and Smith 2006; Dwork and Roth 2014, theorem 3.16),
whoever reads which release. They are added exactly: 0.1 spent ten times is 1, not 0.9999999999999999.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction

from trustmart.errors import BudgetSpent


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What one draw of noise has cost a population. released_for: the period it was drawn for (2026-11)."""

    population: str
    year: int
    mart: str
    epsilon: float
    delta: float
    released_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How a population stands in a year; `left` is never below 0, delta has no limit of its own."""

    population: str
    year: int
    budget: float
    spent: float
    left: float
    delta: float
    draws: int


def year_of(moment: datetime) -> int:
    """Return the calendar year, in UTC, whose budget an instant draws on; it needs its time zone (ValueError)."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return moment.astimezone(UTC).year


def balance(spends: Iterable[Spend], *, population: str, year: int, budget: float) -> Balance:
    """Return what a population has spent in a year, and what is left of the budget."""
    own = [spend for spend in spends if spend.population == population and spend.year == year]
    spent = sum((_exact(spend.epsilon) for spend in own), Fraction(0))
    return Balance(
        population=population,
        year=year,
        budget=budget,
        spent=float(spent),
        left=float(max(_exact(budget) - spent, Fraction(0))),
        delta=float(sum((_exact(spend.delta) for spend in own), Fraction(0))),
        draws=len(own),
    )


def balances(spends: Iterable[Spend], *, budgets: Mapping[str, float], this_year: int) -> list[Balance]:
    """Return the balance of every population, for this year and each in which it spent; a population without a
    budget (any more) has none left.
    """
    every = list(spends)
    known = {(population, this_year) for population in budgets} | {(one.population, one.year) for one in every}
    return [
        balance(every, population=population, year=year, budget=budgets.get(population, 0.0))
        for population, year in sorted(known)
    ]


def refuse_overspending(
    spends: Iterable[Spend], *, mart: str, population: str, epsilon: float, budget: float, at: datetime
) -> Balance:
    """Return the balance before a spend that fits; raises BudgetSpent for one that does not.

    epsilon: what the draw would cost. budget: the population's yearly epsilon. at: when it is drawn.
    """
    year = year_of(at)
    before = balance(own := list(spends), population=population, year=year, budget=budget)
    spent = sum((_exact(one.epsilon) for one in own if (one.population, one.year) == (population, year)), Fraction(0))
    if spent + _exact(epsilon) <= _exact(budget):
        return before
    raise BudgetSpent(
        f"{mart} is not drawn: it would take an epsilon of {epsilon:g}, and {population} has {before.left:g} of"
        f" {budget:g} left for {year} (spent in {before.draws} draws). What was released stands. The year turns on"
        f" {date(year + 1, 1, 1)} (UTC); until then, lower epsilon or draw less often (every) in policy/releases.yml,"
        " or let the data protection officer raise yearly_epsilon. Who spent what: trustmart budget"
    )


def _exact(amount: float) -> Fraction:
    """Return an amount as it is written: 0.1 is a tenth."""
    return Fraction(str(amount))
