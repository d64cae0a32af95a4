"""What a noisy cube draws: each figure once, in whole units, with how far one person can move it.

Neighbours differ by all records of one person. Who is in at most c cells, with at most r records in each, moves a
vector of cells by at most c people, c · r records, or c · r · (the larger bound) of a sum: its L1 sensitivity.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from trustmart.policy.releases import Measure, Noise, Release

PEOPLE = "people"
_CENTS = 100  # sums are drawn in hundredths, as whole numbers: noise on floating-point numbers gives itself away


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One vector that noise is added to.

    name: its column in the bounded aggregates. kind: people, records or sum. sensitivity: the most that one person
    moves it in one cell, in units. units: how many of them are one of what is published. column, lower, upper: of a
    sum, the column of the records and what one record counts at least and at most, in units.
    """

    name: str
    kind: str
    sensitivity: int
    units: int = 1
    column: str = ""
    lower: int = 0
    upper: int = 0


def figures_of(release: Release) -> list[Figure]:
    """Return what must be drawn, people first; what follows from something drawn is not drawn again."""
    noise = noise_of(release)
    found = {PEOPLE: Figure(name=PEOPLE, kind=PEOPLE, sensitivity=1)}
    for measure in release.measures.values():
        figure = _figure(measure, noise)
        found.setdefault(figure.name, figure)
    return list(found.values())


def figure_name(measure: Measure, noise: Noise) -> str:
    """Return the figure that a measure shows."""
    return _figure(measure, noise).name


def noise_of(release: Release) -> Noise:
    """Return a release's noise; a release without is the caller's mistake (ValueError)."""
    if release.noise is None:
        raise ValueError("the release declares no noise")
    return release.noise


def _figure(measure: Measure, noise: Noise) -> Figure:
    """Return what a measure needs; with one record per cell, records are people."""
    if measure.how == "people" or (measure.how == "records" and noise.records_per_cell == 1):
        return Figure(name=PEOPLE, kind=PEOPLE, sensitivity=1)
    if measure.how == "records":
        return Figure(name="records", kind="records", sensitivity=noise.records_per_cell)
    if measure.how != "sum" or measure.bounds is None:
        raise ValueError("noise is for records, people, and sums with bounds")
    lower, upper = (Fraction(str(bound)) * _CENTS for bound in measure.bounds)
    low, high = math.floor(lower), math.ceil(upper)
    return Figure(
        name=f"sum_{measure.source_column}_{low}_{high}".replace("-", "m"),
        kind="sum",
        sensitivity=noise.records_per_cell * max(abs(low), abs(high)),
        units=_CENTS,
        column=measure.source_column,
        lower=low,
        upper=high,
    )
