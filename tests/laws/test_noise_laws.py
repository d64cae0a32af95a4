"""What one person can move, what is drawn, and what a year may cost."""

import itertools
import math
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.noisy import DOMAINS, LABELS, Record, noisy_release, reference
from trustmart.anonymity.budget import Spend, balance, refuse_overspending
from trustmart.anonymizing.noise.bounding import Aggregates, bounded_aggregates
from trustmart.anonymizing.noise.drawing import draw_private, draw_public, l1_sensitivity, load_opendp
from trustmart.anonymizing.noise.figures import figures_of
from trustmart.anonymizing.noise.publishing import nearest
from trustmart.errors import BudgetSpent, ExtraMissing
from trustmart.warehouse.duckdb import DuckDBSession

BOUNDS = (-2, 5)
CELLS = list(itertools.product(*DOMAINS.values()))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

people = st.sampled_from(["ann", "bob", "cat", None])
# Halves of a hundredth would round by the engine's rule or Python's; CRMs hold hundredths.
amounts = st.none() | st.integers(-900, 900).map(lambda cents: cents / 100) | st.sampled_from([1e300, -math.inf])
records = st.lists(
    st.tuples(people, st.sampled_from(["north", "south", "moon", None]), st.sampled_from(["young", "old"]), amounts),
    max_size=25,
)
contributions = st.tuples(st.integers(1, 3), st.integers(1, 3))


def aggregates_of(rows: list[Record], *, cells: int, per_cell: int) -> Aggregates:
    """Return what SQL makes of some records."""
    names, types = ("subject_id", *LABELS, "amount"), (pa.string(), pa.string(), pa.string(), pa.float64())
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
    release = noisy_release(bounds=BOUNDS, cells_per_person=cells, records_per_cell=per_cell)
    assert release.noise is not None
    with duckdb.connect() as connection:
        session = DuckDBSession(connection)
        session.register("records", pa.table(dict(zip(names, arrays, strict=True))))
        return bounded_aggregates(
            session,
            records="records",
            labels=LABELS,
            figures=figures_of(release),
            noise=release.noise,
            key="key",
            domains=DOMAINS,
        )


@given(records, contributions)
@settings(max_examples=60)
@example([("ann", "north", "young", math.nan)], (1, 1))
def test_bounded_figures_are_exact(rows: list[Record], contribution: tuple[int, int]) -> None:
    """SQL and plain Python agree on every bounded figure, nulls and infinities included; NaN counts as the top (S12)."""
    cells, per_cell = contribution
    plain = [(*row[:3], 1e300 if row[3] is not None and math.isnan(row[3]) else row[3]) for row in rows]
    found = {cell: list(one.values()) for cell, one in aggregates_of(rows, cells=cells, per_cell=per_cell).items()}
    if len(figures_of(noisy_release(bounds=BOUNDS, records_per_cell=per_cell))) == 2:
        found = {cell: [one[0], one[0], one[1]] for cell, one in found.items()}
    assert found == reference(plain, key="key", cells=cells, per_cell=per_cell, bounds=BOUNDS)


@given(records, contributions)
@settings(max_examples=60)
def test_one_person_moves_a_figure_by_no_more_than_its_sensitivity(
    rows: list[Record], contribution: tuple[int, int]
) -> None:
    """With all records of a person gone, no vector moves further (L1) than OpenDP is told (S12)."""
    cells, per_cell = contribution
    release = noisy_release(bounds=BOUNDS, cells_per_person=cells, records_per_cell=per_cell)
    assert release.noise is not None
    full = aggregates_of(rows, cells=cells, per_cell=per_cell)
    for person in {row[0] for row in rows} - {None}:
        without = aggregates_of([row for row in rows if row[0] != person], cells=cells, per_cell=per_cell)
        for figure in figures_of(release):
            moved = sum(abs(_of(full, cell, figure.name) - _of(without, cell, figure.name)) for cell in CELLS)
            assert moved <= l1_sensitivity(figure, release.noise)


def _of(aggregates: Aggregates, cell: tuple[str | None, ...], figure: str) -> int:
    """Return one figure of a cell; 0 where nobody is."""
    return aggregates[cell][figure] if cell in aggregates else 0


@given(st.floats(0.01, 10), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=10)
def test_a_draw_costs_no_more_than_declared(epsilon: float, cells: int, per_cell: int) -> None:
    """OpenDP's own accounting of all figures of a draw is within epsilon, and close to it (S12)."""
    release = noisy_release(epsilon=epsilon, yearly_epsilon=200, cells_per_person=cells, records_per_cell=per_cell)
    assert release.noise is not None
    draw = draw_public({}, CELLS, figures_of(release), release.noise)
    assert epsilon * 0.999 < draw.epsilon <= epsilon
    assert draw.delta == 0


def test_noise_has_the_scale_that_is_declared() -> None:
    """The mean and mean size of 10,000 draws at scale 4 are right to 0.5; chance fails this below once in 10^12 (S12).

    Bernstein, for a variance below 33 and a subexponential scale of 4: 2 exp(-10^4 · 0.5² / (2 · (33 + 2))) < 10^-15.
    """
    release = noisy_release(cells_per_person=1, bounds=(0, 1))
    assert release.noise is not None
    figures = figures_of(release)
    assert [figure.name for figure in figures] == ["people", "sum_amount_0_100"]
    cells = [(str(number), "old") for number in range(10_000)]
    drawn = draw_public({}, cells, figures, release.noise).figures["people"]
    scale = 1 / (0.5 / 2)
    p = math.exp(-1 / scale)
    assert abs(sum(drawn)) / 10_000 < 0.5
    assert abs(sum(map(abs, drawn)) / 10_000 - 2 * p / (1 - p * p)) < 0.5


def test_private_cells_show_themselves_only_where_many_are() -> None:
    """A cell of one person stays out, a cell of a million is in; delta is kept (S12)."""
    release = noisy_release(cells="private", delta=1e-9)
    assert release.noise is not None
    figures = figures_of(release)
    true = {
        (region, "old"): {figure.name: size for figure in figures}
        for region, size in (("north", 1), ("south", 1_000_000))
    }
    draw = draw_private(true, figures, release.noise)
    assert draw.cells == [("south", "old")]
    assert 0 < draw.delta <= 1e-9
    assert draw.epsilon <= 0.5
    assert draw.threshold is not None
    assert draw.threshold > 1 / 0.25


def test_opendp_adds_spends_up_as_the_budget_does() -> None:
    """The ledger's sum over releases is OpenDP's composition of as many measurements (S12)."""
    dp = load_opendp()
    space = dp.atom_domain(T=int), dp.absolute_distance(T=int)
    twelve = dp.c.make_composition([space >> dp.m.then_laplace(scale=2.0)] * 12)
    left = balance([spend(0.5)] * 12, population="customers", year=2026, budget=6)
    assert left.spent == twelve.map(1) == 6
    assert left.left == 0


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.7]), max_size=40), st.sampled_from([0.1, 0.3, 1.0, 2.1]))
def test_no_sequence_of_spends_goes_over_the_budget(asked: list[float], budget: float) -> None:
    """Whatever is asked, in whatever order, the sum of what was granted is within the budget, to the last tenth (S12)."""
    granted: list[Spend] = []
    for epsilon in asked:
        try:
            refuse_overspending(granted, mart="m", population="customers", epsilon=epsilon, budget=budget, at=NOON)
        except BudgetSpent:
            assert round(sum(one.epsilon for one in granted) * 10) + round(epsilon * 10) > round(budget * 10)
        else:
            granted.append(spend(epsilon))
    assert round(sum(one.epsilon for one in granted) * 10) <= round(budget * 10)


def test_the_year_turns_in_utc_and_populations_do_not_share() -> None:
    """A spent budget is whole again on 1 January, and another population's was never touched (S12)."""
    spends = [spend(0.5)] * 12
    asked = {"mart": "m", "epsilon": 0.5, "budget": 6}
    with pytest.raises(BudgetSpent, match=r"customers has 0 of 6 left for 2026 .* 2027-01-01"):
        refuse_overspending(spends, population="customers", at=datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), **asked)
    refuse_overspending(spends, population="prospects", at=NOON, **asked)
    assert refuse_overspending(spends, population="customers", at=NOON + timedelta(days=38), **asked).left == 6


def test_without_opendp_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenDP is not installed, one line says how to install it (S12)."""
    monkeypatch.setitem(sys.modules, "opendp.prelude", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'trustmart\[noise\]'"):
        load_opendp()


@given(st.integers(-10_000, 10_000), st.integers(1, 500))
def test_rounding_goes_to_the_nearest_step(value: int, step: int) -> None:
    """A rounded figure is a multiple of its step, at most half a step away (S12)."""
    assert nearest(value, step) % step == 0
    assert 2 * abs(nearest(value, step) - value) <= step


def spend(epsilon: float) -> Spend:
    """Return a spend of the customers' budget of 2026."""
    return Spend(population="customers", year=2026, mart="m", epsilon=epsilon, delta=0, released_for="2026-11")
