"""The p %-rule: no sum may let its second largest contributor estimate the largest within p %."""

from collections.abc import Iterable


def slack(contributions: Iterable[float], percent: float) -> float:
    """Return by how much a sum passes the p %-rule, times 100; below zero it does not pass.

    contributions: what each person adds to the sum. A sum is withheld where total − largest − second largest
    < p/100 × largest (Hundepool et al., Statistical Disclosure Control, 2012, section 4.2.2). Absolute values count,
    as they do there for figures that may be negative. The slack of two cells together is at least the sum of theirs:
    the two largest of the union are at most the two largest of each cell.
    """
    largest_first = sorted((abs(one) for one in contributions), reverse=True)
    return 100 * sum(largest_first[2:]) - percent * sum(largest_first[:1])


def is_dominated(contributions: Iterable[float], percent: float) -> bool:
    """Return whether a sum must be withheld under the p %-rule."""
    return slack(contributions, percent) < 0
