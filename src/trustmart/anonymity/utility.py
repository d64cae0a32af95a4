"""What a release costs its readers, and what it still risks: loss, class statistics and re-identification risk.

Slow and obvious on purpose: every engine must agree with these functions.
"""

from collections.abc import Mapping, Sequence

from trustmart.anonymity.hierarchy import Hierarchy


def certainty_penalty(leaves_under_label: int, domain: int) -> float:
    """Return how much of a column's domain one label leaves open: (leaves − 1)/(domain − 1), from 0 (exact) to 1 (`*`).

    0.0 where the domain has a single leaf. Source: Xu, Wang, Pei, Wang, Shi, Fu, "Utility-based anonymization using
    local recoding", KDD 2006 (normalised certainty penalty).
    """
    return (leaves_under_label - 1) / (domain - 1) if domain > 1 else 0.0


def column_loss(labels: Mapping[str | None, int], hierarchy: Hierarchy, level: int, *, suppressed: int) -> float:
    """Return one column's mean penalty over all records; a suppressed record counts 1.

    labels: how many released records carry each label of that level. Raises KeyError for a label that the level lacks.
    """
    leaves = dict(zip(hierarchy.labels[level], hierarchy.leaf_counts(level), strict=True))
    released = sum(labels.values())
    if released + suppressed == 0:
        return 0.0
    penalty = sum(count * certainty_penalty(leaves[label], hierarchy.domain) for label, count in labels.items())
    return (penalty + suppressed) / (released + suppressed)


def overall_loss(losses: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the mean of the columns' losses, each with its weight."""
    return sum(weights[column] * loss for column, loss in losses.items()) / sum(weights[column] for column in losses)


def average_class_ratio(sizes: Sequence[int], k: int) -> float | None:
    """Return C_avg: released records over (classes × k); 1 is the best a k-anonymous table can be.

    None without classes. Source: LeFevre, DeWitt, Ramakrishnan, "Mondrian Multidimensional K-Anonymity", ICDE 2006.
    """
    return sum(sizes) / (len(sizes) * k) if sizes else None


def discernibility(sizes: Sequence[int], *, suppressed: int = 0) -> int:
    """Return the sum of squared class sizes; a suppressed record costs as much as the whole table has records.

    Source: Bayardo, Agrawal, "Data Privacy Through Optimal k-Anonymization", ICDE 2005.
    """
    return sum(size * size for size in sizes) + suppressed * (sum(sizes) + suppressed)


def maximum_risk(sizes: Sequence[int]) -> float | None:
    """Return the largest chance of naming one person (prosecutor): 1 over the smallest class; None without classes.

    Source of the three risks: El Emam, "Guide to the De-Identification of Personal Health Information", 2013,
    chapter 16.
    """
    return 1 / min(sizes) if sizes else None


def average_risk(sizes: Sequence[int]) -> float | None:
    """Return the mean over records of 1 over the class size: classes / records; None without classes."""
    return len(sizes) / sum(sizes) if sizes else None


def marketer_risk(sizes: Sequence[int], population_sizes: Sequence[int] | None = None) -> float | None:
    """Return the expected share of records that an attacker names who matches all of them; None without classes.

    population_sizes: how many people outside share each class's labels, in the same order and never fewer than the
    class has; without them the table itself is the population. Raises ValueError where they do not fit.
    """
    population = sizes if population_sizes is None else population_sizes
    if len(population) != len(sizes) or any(outside < size for outside, size in zip(population, sizes, strict=False)):
        raise ValueError("each class needs a population of at least its own size")
    if not sizes:
        return None
    return sum(size / outside for size, outside in zip(sizes, population, strict=True)) / sum(sizes)
