"""How much an equivalence class gives away about a sensitive column: l-diversity in its three forms.

Slow and obvious on purpose: every engine must agree with these functions. Source: Machanavajjhala, Kifer, Gehrke,
Venkitasubramaniam, "l-Diversity: Privacy Beyond k-Anonymity", ACM TKDD 1(1), 2007.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trustmart.anonymity.measures import ClassKey, Row

# Two ways of adding the same numbers may differ in the last digits: a bound is met up to this.
TOLERANCE = 1e-9

ValueCounts = Mapping[Any, int]


def sensitive_counts(
    rows: Iterable[Row], quasi_identifiers: Sequence[str], sensitive: str
) -> dict[ClassKey, ValueCounts]:
    """Return how often each sensitive value occurs in each equivalence class.

    A null is a value like any other, among the quasi-identifiers and in the sensitive column.
    Raises KeyError where a row lacks one of the columns.
    """
    classes: dict[ClassKey, Counter[Any]] = {}
    for row in rows:
        key = tuple(row[column] for column in quasi_identifiers)
        classes.setdefault(key, Counter())[row[sensitive]] += 1
    return dict(classes)


def distinct_diversity(counts: ValueCounts) -> int:
    """Return l: how many different sensitive values a class holds."""
    return sum(1 for count in counts.values() if count > 0)


def entropy_diversity(counts: ValueCounts) -> float:
    """Return l as the exponential of the entropy of a class; 0.0 for a class of nobody.

    Where all values are equally common it is their number.
    """
    people = sum(counts.values())
    if people == 0:
        return 0.0
    shares = [count / people for count in counts.values() if count > 0]
    return math.exp(-sum(share * math.log(share) for share in shares))


def recursive_ratio(counts: ValueCounts, l: int) -> float:  # noqa: E741 (the paper's letter)
    """Return r1 / (r_l + … + r_m), where r1 ≥ r2 ≥ … are the counts of a class; infinite with fewer than l values.

    A class is recursively (c, l)-diverse where this is below c. Raises ValueError unless l is at least 1.
    """
    if l < 1:
        raise ValueError(f"l is {l}; it must be at least 1")
    ranked = sorted((count for count in counts.values() if count > 0), reverse=True)
    tail = sum(ranked[l - 1 :])
    return ranked[0] / tail if tail else math.inf


def is_recursively_diverse(counts: ValueCounts, *, c: float, l: int) -> bool:  # noqa: E741 (the paper's letter)
    """Return whether a class's most common value is rarer than c times its rare ones together."""
    return recursive_ratio(counts, l) < c
