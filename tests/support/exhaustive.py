"""The optimum by looking at every node of a lattice, with nothing but the plain-Python reference."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from trustmart.anonymity.diversity import sensitive_counts
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.utility import column_loss, overall_loss

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What one node does to a table."""

    levels: tuple[int, ...]
    suppressed: int
    loss: float
    published: list[dict[str, Any]]


def apply(
    rows: Rows,
    hierarchies: Sequence[Hierarchy],
    levels: Sequence[int],
    asked: Requirements,
    weights: Mapping[str, float],
) -> Outcome:
    """Generalize every row, leave out the classes that fail, and weigh what is lost."""
    names = [hierarchy.name for hierarchy in hierarchies]
    generalized = [
        {**row, **{h.name: h.generalize(row[h.name], level) for h, level in zip(hierarchies, levels, strict=True)}}
        for row in rows
    ]
    sizes = Counter(tuple(row[name] for name in names) for row in generalized)
    failing = {key for key, size in sizes.items() if size < asked.k}
    for column, models in asked.sensitive.items():
        everybody = Counter(row[column] for row in rows)
        for key, counts in sensitive_counts(generalized, names, column).items():
            if not all(model.holds(counts, everybody) for model in models):
                failing.add(key)
    published = [row for row in generalized if tuple(row[name] for name in names) not in failing]
    suppressed = len(rows) - len(published)
    losses = {
        h.name: column_loss(Counter(row[h.name] for row in published), h, level, suppressed=suppressed)
        for h, level in zip(hierarchies, levels, strict=True)
    }
    return Outcome(tuple(levels), suppressed, overall_loss(losses, weights), published)


def optimum(
    rows: Rows,
    hierarchies: Sequence[Hierarchy],
    asked: Requirements,
    weights: Mapping[str, float],
    floor: Sequence[int],
) -> Outcome | None:
    """Return the node of least loss within the budget, or None."""
    nodes = product(*(range(low, h.levels) for h, low in zip(hierarchies, floor, strict=True)))
    outcomes = (apply(rows, hierarchies, levels, asked, weights) for levels in nodes)
    within = [outcome for outcome in outcomes if outcome.suppressed <= asked.maximum_suppressed * len(rows) + 1e-6]
    return min(within, key=lambda outcome: outcome.loss, default=None)
