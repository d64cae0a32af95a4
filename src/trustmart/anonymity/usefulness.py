"""What readers of an anonymized mart lose against the raw data, in one figure per mart, and how it is told.

Slow and obvious on purpose: every engine must agree with these functions. What is told of exact marts is rounded: an
exact error says how many people are missing where.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

Row = Mapping[str, Any]
FINE, COARSE = 0.001, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """One figure of what a mart is good for: on the raw data, and on what is published. Higher is better.

    measure: in words, what the figure is. loss: how much of it readers lose, in the figure's own unit.
    """

    measure: str
    raw: float
    published: float

    @property
    def loss(self) -> float:
        """Return what is lost; below 0 where what is published does better by chance."""
        return self.raw - self.published

    def as_dict(self) -> dict[str, Any]:
        """Return it as reports write it, to the nearest thousandth."""
        figures = {"raw": self.raw, "published": self.published, "loss": self.loss}
        return {"measure": self.measure, **{name: round(value, 3) for name, value in figures.items()}}


def told(error: float, *, step: float) -> float:
    """Return an error as it may be told: the next step above it, so that it is never told too small."""
    # A tiny part of a step is what floating point adds, and not an error.
    return round(math.ceil(error / step - 1e-9) * step, 9)


def share_errors(raw: Sequence[Row], published: Sequence[Row], columns: Sequence[str]) -> list[float]:
    """Return, for every label of a column and every pair of labels of two, how far its share of people is off.

    raw: all people, told as coarsely as published; shares are of all rows of their table, errors from 0 to 1. Nulls are
    labels. Empty without people; where nothing is published, every share is missing whole.
    """
    asked = [*combinations(columns, 1), *combinations(columns, 2)]
    found: list[float] = []
    for names in asked if raw else []:
        true, shown = (Counter(tuple(row[name] for name in names) for row in rows) for rows in (raw, published))
        found += [abs(true[labels] / len(raw) - shown[labels] / max(len(published), 1)) for labels in {**true, **shown}]
    return found


def expected_noise(scale: float) -> float:
    """Return the mean size of discrete Laplace noise, in the unit of its scale: 1 / sinh(1 / scale).

    It follows from the mechanism alone. What a noisy figure is really off by is never reckoned: with it, the noise
    could be taken away. Source: the two-sided geometric distribution, Ghosh, Roughgarden, Sundararajan, "Universally
    utility-maximizing privacy mechanisms", STOC 2009.
    """
    return 1 / math.sinh(1 / scale) if scale * 700 > 1 else 0.0
