"""The area under the ROC curve of weighted scores, and how sure it is."""

import math

import numpy as np

from trustmart.anonymity.intervals import Z_95, Risk
from trustmart.anonymity.learning.profiles import Floats


def area_under_curve(scores: Floats, positives: Floats, negatives: Floats) -> Risk:
    """Return how likely a positive scores above a negative (ties count half), with its 95 % interval.

    scores: shape (n,). positives, negatives: how many people have each score, shape (n,). Without people on either side
    everything is possible: 0.5, from 0 to 1. Interval: Hanley and McNeil, "The meaning and use of the area under a
    receiver operating characteristic (ROC) curve", Radiology 143, 1982.
    """
    ours, theirs = float(positives.sum()), float(negatives.sum())
    if not ours or not theirs:
        return Risk(value=0.5, low=0.0, high=1.0)
    _, places = np.unique(scores, return_inverse=True)
    above = np.bincount(places, weights=positives)
    below = np.bincount(places, weights=negatives)
    beaten = np.cumsum(below) - below / 2
    area = float((above * beaten).sum() / (ours * theirs))
    spread = Z_95 * _standard_error(area, ours, theirs)
    return Risk(value=area, low=max(0.0, area - spread), high=min(1.0, area + spread))


def _standard_error(area: float, ours: float, theirs: float) -> float:
    """Return the standard error of an area (Hanley and McNeil 1982, equation 1)."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (ours - 1) * (first - area**2) + (theirs - 1) * (second - area**2)
    return math.sqrt(max(variance, 0.0) / (ours * theirs))
