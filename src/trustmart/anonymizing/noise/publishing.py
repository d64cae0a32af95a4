"""From noisy whole numbers to what is published. It sees nothing but noisy numbers, so it costs nothing."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from trustmart.anonymizing.noise.drawing import Draw
from trustmart.anonymizing.noise.figures import PEOPLE, Figure, figure_name, figures_of, noise_of
from trustmart.anonymizing.noise.keeping import measure_type
from trustmart.policy.releases import Measure, Release


def published_cells(draw: Draw, release: Release) -> list[tuple[Any, ...]]:
    """Return a row per cell: labels, class size, measures, in the release's order of columns."""
    figures = {figure.name: figure for figure in figures_of(release)}
    columns: list[list[int | Decimal]] = []
    if release.class_size:
        columns.append([_possible(figures[PEOPLE], count) for count in draw.figures[PEOPLE]])
    for measure in release.measures.values():
        columns.append(list(_measured(draw, measure, figures[figure_name(measure, noise_of(release))])))
    return [(*cell, *shown) for cell, *shown in zip(draw.cells, *columns, strict=True)]


def _measured(draw: Draw, measure: Measure, figure: Figure) -> Iterator[int | Decimal]:
    """Yield a measure of each cell: within what is possible, and to the step of round_to."""
    step = max(1, round(Fraction(str(measure.round_to or 0)) * figure.units))
    is_whole = measure_type(measure) == "bigint"
    for drawn in draw.figures[figure.name]:
        rounded = nearest(_possible(figure, drawn), step)
        yield rounded // figure.units if is_whole else Decimal(rounded) / figure.units


def nearest(value: int, step: int) -> int:
    """Return the multiple of a step that is nearest; the higher of two that are."""
    return (2 * value + step) // (2 * step) * step


def _possible(figure: Figure, drawn: int) -> int:
    """Return a figure within what policy says it can be: no count is below 0, nor a sum of what is never negative."""
    if figure.kind == "sum" and figure.lower < 0:
        return min(drawn, 0) if figure.upper <= 0 else drawn
    return max(drawn, 0)
