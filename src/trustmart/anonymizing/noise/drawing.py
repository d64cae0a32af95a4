"""Noise, drawn and accounted for by OpenDP; nothing here draws a random number itself.

A draw is an adaptive composition over one person added or removed (Dwork, McSherry, Nissim and Smith 2006): epsilon is
shared out equally over the figures. Noise is discrete Laplace on whole numbers (Canonne, Kamath and Steinke 2020,
§5.2). Cells that are not listed in advance are found by a threshold on their noisy people (Rogers 2023).
"""

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trustmart.anonymizing.noise.bounding import Aggregates, Cell
from trustmart.anonymizing.noise.figures import PEOPLE, Figure
from trustmart.errors import ExtraMissing
from trustmart.policy.releases import Noise

ONE_PERSON = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Noisy figures of cells, in units, what they cost by OpenDP's reckoning, and each figure's scale (in units).

    threshold: where cells are private, how many noisy people a cell must have.
    """

    cells: list[Cell]
    figures: dict[str, list[int]]
    epsilon: float
    delta: float
    scales: dict[str, float]
    threshold: int | None = None


def draw_public(true: Aggregates, cells: Sequence[Cell], figures: Sequence[Figure], noise: Noise) -> Draw:
    """Draw every figure of every cell, empty ones too; cells: all of them, known without looking at a person."""
    dp = load_opendp()
    found = _Plan(dp, figures, noise).settled()
    ask = found.composition(true)
    drawn = {figure.name: ask(found.vector(figure, cells)) for figure in figures}
    return Draw(cells=list(cells), figures=drawn, epsilon=found.epsilon, delta=0.0, scales=found.scales)


def draw_private(true: Aggregates, figures: Sequence[Figure], noise: Noise) -> Draw:
    """Draw the cells whose noisy people reach the threshold, then the other figures of those cells."""
    dp = load_opendp()
    found = _Plan(dp, figures, noise).settled()
    names = {repr(cell): cell for cell in true}
    ask = found.composition(true)
    people: Mapping[str, int] = ask(found.selection)
    kept = sorted(people)
    cells = [names[name] for name in kept]
    drawn = {PEOPLE: [people[name] for name in kept]}
    for figure in figures[1:]:
        drawn[figure.name] = ask(found.approximate(found.vector(figure, cells))) if cells else []
    return Draw(
        cells=cells,
        figures=drawn,
        epsilon=found.epsilon,
        delta=found.delta,
        scales=found.scales,
        threshold=found.threshold,
    )


def load_opendp() -> Any:
    """Return OpenDP's prelude with what is used here switched on; raises ExtraMissing."""
    try:
        dp = importlib.import_module("opendp.prelude")
    except ImportError:
        raise ExtraMissing(
            "noise is drawn by OpenDP, which is not installed; then: pip install 'trustmart[noise]'"
        ) from None
    dp.enable_features("contrib")
    # The bounds are kept by our SQL, which OpenDP cannot check: tests/laws/test_noise_laws.py does.
    dp.enable_features("honest-but-curious")
    return dp


class _Plan:
    """Which measurements are asked of the bounded aggregates, and what each may cost."""

    def __init__(self, dp: Any, figures: Sequence[Figure], noise: Noise) -> None:
        """Share epsilon out equally; the first figure is people."""
        self._dp, self._figures, self._noise = dp, figures, noise
        self._people = dp.user_domain("BoundedAggregates", lambda aggregates: isinstance(aggregates, dict))
        self._metric = dp.symmetric_distance()  # people added or removed
        self._share = noise.epsilon / len(figures)
        self.scales: dict[str, float] = {}
        self.selection: Any = None
        self.threshold: int | None = None
        self.epsilon = self.delta = 0.0

    def settled(self) -> "_Plan":
        """Find the scales, and lower the share until what OpenDP adds up is within epsilon; returns itself."""
        while True:
            self.scales = {figure.name: self._scale(figure) for figure in self._figures}
            if self._noise.delta is not None:
                self.selection = self._select()
            self.epsilon, self.delta = self._total()
            if self.epsilon <= self._noise.epsilon and self.delta <= (self._noise.delta or 0.0):
                return self
            self._share = math.nextafter(self._share, 0.0)

    def composition(self, true: Aggregates) -> Any:
        """Return what answers each measurement once, in order, and then no more."""
        return self._compositor()(true)

    def vector(self, figure: Figure, cells: Sequence[Cell]) -> Any:
        """Return the measurement of one figure over listed cells."""
        return self._bounded(figure, cells) >> self._dp.m.then_laplace(scale=self.scales[figure.name])

    def approximate(self, measurement: Any) -> Any:
        """Return a measurement without delta as one with a delta of 0."""
        return self._dp.c.make_approximate(measurement)

    def _bounded(self, figure: Figure, cells: Sequence[Cell]) -> Any:
        """Return how a figure is read from the aggregates, and how far people move it."""
        dp = self._dp
        return dp.t.make_user_transformation(
            self._people,
            self._metric,
            dp.vector_domain(dp.atom_domain(T="i64")),
            dp.l1_distance(T="i64"),
            lambda true: [true[cell][figure.name] if cell in true else 0 for cell in cells],
            lambda people: people * l1_sensitivity(figure, self._noise),
        )

    def _scale(self, figure: Figure) -> float:
        """Return the least scale that costs no more than the share."""
        dp, bounded = self._dp, self._bounded(figure, ())
        return dp.binary_search_param(
            lambda scale: bounded >> dp.m.then_laplace(scale=scale), d_in=ONE_PERSON, d_out=self._share, T=float
        )

    def _select(self) -> Any:
        """Return the measurement that finds cells, with the least threshold that delta allows."""
        dp, noise = self._dp, self._noise
        space = (
            dp.map_domain(dp.atom_domain(T="String"), dp.atom_domain(T="i64")),
            dp.l01inf_distance(dp.absolute_distance(T="i64")),
        )
        people = dp.t.make_user_transformation(
            self._people,
            self._metric,
            *space,
            lambda true: {repr(cell): figures[PEOPLE] for cell, figures in true.items()},
            lambda count: (count * noise.cells_per_person, count * noise.cells_per_person, count),
        )

        def make(threshold: int) -> Any:
            return people >> dp.m.then_laplace_threshold(scale=self.scales[PEOPLE], threshold=threshold)

        self.threshold = dp.binary_search_param(make, d_in=ONE_PERSON, d_out=(self._share, noise.delta), T=int)
        return make(self.threshold)

    def _compositor(self) -> Any:
        """Return OpenDP's composition of all measurements of this draw."""
        dp = self._dp
        costs: list[Any] = [self._share] * len(self._figures)
        measure = dp.max_divergence()
        if self.selection is not None:
            measure = dp.approximate(measure)
            costs = [self.selection.map(ONE_PERSON), *((self._share, 0.0) for _ in self._figures[1:])]
        return dp.c.make_adaptive_composition(self._people, self._metric, measure, ONE_PERSON, costs)

    def _total(self) -> tuple[float, float]:
        """Return epsilon and delta of the whole draw, as OpenDP adds them up."""
        total = self._compositor().map(ONE_PERSON)
        return total if isinstance(total, tuple) else (total, 0.0)


def l1_sensitivity(figure: Figure, noise: Noise) -> int:
    """Return how far one person moves a figure's vector over all cells, in units."""
    return figure.sensitivity * noise.cells_per_person
