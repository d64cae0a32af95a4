"""Which groups of people may be published: the models of the search, over any grouping of a table's combinations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.models import Requirements
from trustmart.anonymity.search.histograms import Histogram
from trustmart.anonymity.search.judging import judge
from trustmart.anonymity.search.node import BaseTable
from trustmart.anonymity.tree.vocabulary import Ints

Bools = NDArray[np.bool_]
Groups = NDArray[np.integer[Any]]
# Groups times values are counted in a table of their own as long as it is at most so much larger than the rows.
_ROOMY = 8


def count_people(groups: Groups, counts: Ints, size: int) -> Ints:
    """Return how many people are in each group, shape (size,); counting ones is quicker than adding weights."""
    if len(counts) and counts.max() > 1:
        return np.bincount(groups, weights=counts, minlength=size).astype(np.int64)
    return np.bincount(groups, minlength=size)


def safe_groups(base: BaseTable, groups: Groups, people: Ints, requirements: Requirements, least: int) -> Bools:
    """Return which groups have at least `least` people and satisfy every model, shape of `people`; empty ones do not.

    groups: each combination's group, shape (combinations,). people: how many are in each group.
    """
    safe = people >= least
    for name, models in requirements.sensitive.items():
        if not models or not safe.any():
            continue
        found = group_values(groups, base.values[name], base.counts, len(people), len(base.sensitive[name].values))
        present = found.key_words[0][found.class_starts]
        for model in models:
            safe[present[judge(model, found, base.sensitive[name]).fails]] = False
    return safe


def group_values(groups: Groups, values: Ints, counts: Ints, size: int, domain: int) -> Histogram:
    """Return how many people of each group have each sensitive value, groups in order."""
    bits = max(int(domain - 1).bit_length(), 1)
    words = (np.asarray(groups, dtype=np.int64) << bits) | values
    if size << bits <= _ROOMY * max(len(words), 1024):
        people = count_people(words, counts, size << bits)
        some = np.flatnonzero(people)
        return Histogram((some,), people[some], bits)
    some, place = np.unique(words, return_inverse=True)
    return Histogram((some,), count_people(place, counts, len(some)), bits)
