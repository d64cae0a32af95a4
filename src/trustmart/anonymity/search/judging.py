"""Privacy models over all classes of a node at once: who fails, and how many people any finer node must lose.

The second is what keeps a search from checking blindly. Most models are not monotone: merging a failing class with a
passing one can make the whole fail, so a node that fails says nothing about finer ones by itself. But each
model has a measure that cannot get better on average when a class is split: the distance of t-closeness is convex,
entropy is concave, r1 − c·tail of recursive diversity is subadditive. If too few people were suppressed, the measure of
the whole would have to be better than it is. That gives a number of people who are lost in every finer node.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.diversity import TOLERANCE
from trustmart.anonymity.models import DistinctDiversity, EntropyDiversity, Model, RecursiveDiversity, TCloseness
from trustmart.anonymity.search.histograms import Histogram

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
# Dense tables of classes × values are made for so many cells at a time.
_CELLS = 4_000_000


@dataclass(frozen=True)
class Judgement:
    """What a model says about the classes of a node, in the order of their keys.

    fails: whether a class must be suppressed.
    bound_to_go: how many of a class's people are suppressed in every node finer than this one, at least.
    """

    fails: Bools
    bound_to_go: Floats


@dataclass(frozen=True)
class SensitiveColumn:
    """A sensitive column of the table that is to be released.

    values: every value that occurs, in the order of their codes.
    shares: each value's share of the whole table.
    """

    values: tuple[Any, ...]
    shares: Floats


def judge(model: Model, histogram: Histogram, column: SensitiveColumn) -> Judgement:
    """Judge every class of a node by one model."""
    if isinstance(model, DistinctDiversity):
        return _distinct(model, histogram)
    if isinstance(model, EntropyDiversity):
        return _entropy(model, histogram)
    if isinstance(model, RecursiveDiversity):
        return _recursive(model, histogram)
    return _closeness(model, histogram, column)


def _distinct(model: DistinctDiversity, histogram: Histogram) -> Judgement:
    """A class that lacks values lacks them in all its parts."""
    starts = histogram.class_starts
    fails = np.diff(np.append(starts, len(histogram))) < model.l
    return Judgement(fails, np.where(fails, histogram.class_sizes, 0).astype(float))


def _entropy(model: EntropyDiversity, histogram: Histogram) -> Judgement:
    """Parts that pass have an entropy of log l or more, and their mean is at most the whole's."""
    sizes = histogram.class_sizes.astype(float)
    terms = histogram.counts * np.log(histogram.counts)
    entropy = np.log(sizes) - _sum_by_class(terms, histogram) / sizes
    fails = np.exp(entropy) < model.l - TOLERANCE
    needed = np.log(max(model.l, 1.0))
    missing = 1 - entropy / needed if needed > 0 else np.zeros_like(entropy)
    return Judgement(fails, np.where(fails, np.clip(missing, 0, 1) * sizes, 0.0))


def _recursive(model: RecursiveDiversity, histogram: Histogram) -> Judgement:
    """r1 − c·tail is at most the sum over a class's parts; those that pass are below 0, others at most their size."""
    sizes, starts = histogram.class_sizes, histogram.class_starts
    of_class = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(histogram))))
    ranked = histogram.counts[np.lexsort((-histogram.counts, of_class))]
    rank = np.arange(len(histogram)) - starts[of_class]
    most = ranked[starts] if len(starts) else sizes
    tail = _sum_by_class(np.where(rank >= model.l - 1, ranked, 0), histogram)
    # In the reference's words: r1 / tail < c, with nothing in the tail being infinite.
    with np.errstate(divide="ignore", invalid="ignore"):
        fails = ~np.where(tail > 0, most / tail < model.c, False)
    return Judgement(fails, np.where(fails, np.clip(most - model.c * tail, 0, sizes), 0.0))


def _closeness(model: TCloseness, histogram: Histogram, column: SensitiveColumn) -> Judgement:
    """Parts that pass are within t; to bring the whole's distance about, others must make up for them."""
    sizes = histogram.class_sizes.astype(float)
    if model.distance == "equal":
        distances, farthest = _equal(histogram, column), float(1 - column.shares.min())
    else:
        work = _ordered(column, model) if model.distance == "ordered" else _hierarchical(column, model)
        distances, farthest = _in_slices(histogram, column, work), 1.0
    fails = distances > model.t + TOLERANCE
    if farthest <= model.t:
        return Judgement(fails, np.zeros_like(sizes))
    share = np.clip((distances - model.t) / (farthest - model.t), 0, 1)
    return Judgement(fails, np.where(fails, share * sizes, 0.0))


def _equal(histogram: Histogram, column: SensitiveColumn) -> Floats:
    """Return half the sum of the differences; values that a class lacks are reckoned from the rest."""
    sizes = np.repeat(histogram.class_sizes, np.diff(np.append(histogram.class_starts, len(histogram))))
    expected = column.shares[histogram.values]
    present = np.abs(histogram.counts / sizes - expected) - expected
    return (_sum_by_class(present, histogram) + 1) / 2


Work = Callable[[Floats], Floats]


def _ordered(column: SensitiveColumn, model: TCloseness) -> Work:
    """Return how to measure what is carried from rank to rank, over the number of ranks less one."""
    rank = {value: place for place, value in enumerate(model.order)}
    places = np.array([rank[value] for value in column.values], dtype=np.intp)

    def work(extra: Floats) -> Floats:
        by_rank = np.zeros((len(extra), len(model.order)))
        by_rank[:, places] = extra
        carried: Floats = np.abs(np.cumsum(by_rank, axis=1)).sum(axis=1)
        return carried / max(len(model.order) - 1, 1)

    return work


def _hierarchical(column: SensitiveColumn, model: TCloseness) -> Work:
    """Return how to measure what crosses each node of the tree, weighed by the node's height."""
    here = [(value, *model.paths[value]) for value in column.values]
    height = len(here[0]) - 1
    steps = []
    for _ in range(height):
        above = list(dict.fromkeys(path[1:] for path in here))
        places = {path: place for place, path in enumerate(above)}
        steps.append(([places[path[1:]] for path in here], len(above)))
        here = above

    def work(extra: Floats) -> Floats:
        total = np.zeros(len(extra))
        for level, (parents, nodes) in enumerate(steps, start=1):
            surplus, deficit = np.zeros((len(extra), nodes)), np.zeros((len(extra), nodes))
            for child, node in enumerate(parents):
                surplus[:, node] += np.maximum(extra[:, child], 0)
                deficit[:, node] += np.maximum(-extra[:, child], 0)
            total += level / height * np.minimum(surplus, deficit).sum(axis=1)
            extra = surplus - deficit
        return total

    return work


def _in_slices(histogram: Histogram, column: SensitiveColumn, work: Work) -> Floats:
    """Spread the classes over dense tables, some at a time, and measure the work each needs."""
    starts = np.append(histogram.class_starts, len(histogram))
    sizes, width = histogram.class_sizes, len(column.shares)
    step = max(_CELLS // max(width, 1), 1)
    found = [np.zeros(0)]
    for first in range(0, len(sizes), step):
        last = min(first + step, len(sizes))
        inside = slice(int(starts[first]), int(starts[last]))
        rows = np.repeat(np.arange(last - first), np.diff(starts[first : last + 1]))
        dense = np.zeros((last - first, width))
        dense[rows, histogram.values[inside]] = histogram.counts[inside]
        found.append(work(dense / sizes[first:last, None] - column.shares))
    return np.concatenate(found)


def _sum_by_class(terms: Sequence[float] | NDArray[Any], histogram: Histogram) -> Floats:
    """Add up what belongs to each class."""
    if not len(histogram):
        return np.zeros(0)
    summed: Floats = np.add.reduceat(np.asarray(terms, dtype=float), histogram.class_starts)
    return summed
