"""One node of the lattice, measured: what it suppresses, what it costs, and what every finer node costs at least."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.encoding import KeyLayout
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.search.histograms import QUICKLY_SORTED, Histogram, Ints, pack, roll_up, surely_rare
from trustmart.anonymity.search.judging import Floats, SensitiveColumn, judge

Levels = tuple[int, ...]

# Codes up to so many bits are counted in a table of their own.
_TABLE_BITS = 24
# Combinations are read so many at a time: what is made of them stays in the caches.
_BLOCK = 1 << 17
# Up to so many people for each combination, a row for each person costs less than counting with weights.
_HARDLY_SHARED = 1.25


@dataclass(frozen=True)
class BaseTable:
    """A table as the engine has counted it: every distinct combination of leaves, and of sensitive values.

    layout: what the keys mean.
    keys: per key of the layout, shape (combinations,).
    counts: people per combination.
    values: per sensitive column the code of its value, shape (combinations,).
    sensitive: what those codes stand for.
    people: how many there are in the whole table, also where this is a part of it.
    """

    layout: KeyLayout
    keys: tuple[Ints, ...]
    counts: Ints
    values: Mapping[str, Ints]
    sensitive: Mapping[str, SensitiveColumn]
    people: int

    def one_by_one(self) -> "BaseTable":
        """Return the same table with a row for each person, where hardly anybody shares a combination.

        Rows that are all one person can be sorted and counted as bare numbers, several times faster.
        """
        if not 0 < int(self.counts.sum()) <= _HARDLY_SHARED * len(self.counts):
            return self
        one = np.broadcast_to(np.int64(1), int(self.counts.sum()))
        if len(one) == len(self.counts):
            return replace(self, counts=one)
        return replace(self.part(np.repeat(np.arange(len(self.counts)), self.counts)), counts=one)

    def part(self, rows: NDArray[Any] | slice) -> "BaseTable":
        """Return some of the combinations, as part of the same table."""
        return replace(
            self,
            keys=tuple(key[rows] for key in self.keys),
            counts=self.counts[rows],
            values={name: codes[rows] for name, codes in self.values.items()},
        )


@dataclass(frozen=True)
class Measured:
    """What a node does.

    suppressed: people in classes that fail.
    bound_to_go: people who are suppressed in every finer node, at least.
    extra: what suppression adds to the loss, above generalization: people × (1 − their penalty), over all people.
    extra_bound: what it adds in every finer node, at least.
    classes: how many classes are published.
    """

    suppressed: int
    bound_to_go: float
    extra: float
    extra_bound: float
    classes: int


class Penalties:
    """How much each label of each level costs, from 0 (exact) to 1 (`*`), with the columns' weights."""

    def __init__(self, layout: KeyLayout, weights: Sequence[float]) -> None:
        """Keep the layout; tables are made as levels are asked for."""
        self._layout = layout
        self._shares = [weight / sum(weights) for weight in weights]
        self._tables: dict[tuple[int, int], tuple[Ints, Floats]] = {}

    def table(self, column: int, level: int) -> tuple[Ints, Floats]:
        """Return a level's codes in order, and the weighed penalty of each."""
        if (column, level) not in self._tables:
            codes = self._layout.prefix_codes[column]
            prefixes, leaf = np.unique(codes.codes >> (codes.bits - codes.kept_bits[level]), return_index=True)
            self._tables[column, level] = prefixes, self._of_leaves(column, level)[leaf]
        return self._tables[column, level]

    def _of_leaves(self, column: int, level: int) -> Floats:
        """Return for each leaf the weighed penalty of its label at a level."""
        hierarchy = self._layout.hierarchies[column]
        leaves = hierarchy.leaf_counts(level)[hierarchy.ancestors(level)]
        return (leaves - 1) / max(hierarchy.domain - 1, 1) * self._shares[column]

    def of_keys(self, keys: Sequence[Ints], levels: Sequence[int]) -> Floats:
        """Return what each key costs at a node, the mean over the columns."""
        total = np.zeros(len(keys[0]))
        for column, level in enumerate(levels):
            codes, penalty = self.table(column, level)
            if level == 0 or len(penalty) == 1:
                total += penalty[0]
                continue
            code = self._layout.prefix_codes[column]
            prefix = self._layout.column_codes(keys, column) >> (code.bits - code.kept_bits[level])
            total += penalty[np.searchsorted(codes, prefix)]
        return total

    def marginal(self, base: BaseTable, column: int) -> list[float]:
        """Return for each level what the column alone adds to the loss, if nobody is suppressed."""
        hierarchy, code = self._layout.hierarchies[column], self._layout.prefix_codes[column]
        codes, leaf = np.unique(code.codes, return_index=True)
        people = np.zeros(len(codes) if code.bits > _TABLE_BITS else 1 << code.bits)
        for start in range(0, len(base.counts), _BLOCK):
            block = slice(start, start + _BLOCK)
            place = self._layout.column_codes([key[block] for key in base.keys], column)
            place = np.searchsorted(codes, place) if code.bits > _TABLE_BITS else place
            people += _people_per_code(place, base.counts[block], len(people))
        people = people if code.bits > _TABLE_BITS else people[codes]
        penalties = (self._of_leaves(column, level)[leaf] for level in range(hierarchy.levels))
        return [_mean(people, penalty, base) for penalty in penalties]


def _mean(people: Ints | Floats, amounts: Floats, base: BaseTable) -> float:
    """Return what people lose, over everybody (not as a product of vectors: its threads cost more than it)."""
    return float((people * amounts).sum()) / max(base.people, 1)


def _people_per_code(codes: Ints, counts: Ints, size: int) -> Floats:
    """Add up people by code; counting ones is several times faster than adding weights, and most counts are 1."""
    people: Floats = np.bincount(codes, minlength=size).astype(float)
    if (several := counts > 1).any():
        people += np.bincount(codes[several], weights=counts[several] - 1.0, minlength=size)
    return people


class Classes:
    """The classes of nodes, rolled up from whichever finer node is smallest, as far as memory allows."""

    def __init__(self, base: BaseTable, *, memory: int = 256 << 20) -> None:
        """Start from the base, once per sensitive column (once altogether where there is none)."""
        self._layout = base.layout
        used = base.layout.used_bits(base.layout.key_count - 1)
        first: list[Histogram] = []
        for name, values in base.values.items():
            bits = int(len(base.sensitive[name].values) - 1).bit_length()
            first.append(pack(base.keys, used, values, max(bits, 1), base.counts))
        first = first or [pack(base.keys, used, None, 0, base.counts)]
        self._levels = np.zeros((1, len(base.layout.hierarchies)), dtype=np.int16)
        self._sizes = np.array([len(first[0])])
        self._kept: list[list[Histogram]] = [first]
        self._memory = memory

    def _source(self, levels: Levels) -> int:
        """Return the smallest finer node whose classes are kept."""
        finer = np.flatnonzero((self._levels <= np.array(levels)).all(axis=1))
        return int(finer[np.argmin(self._sizes[finer])])

    def smallest(self, levels: Levels) -> int:
        """Return how many combinations a node would be rolled up from."""
        return int(self._sizes[self._source(levels)])

    def surely_rare(self, levels: Levels, k: int) -> int:
        """Return how many people are in classes below k, at least; 0 where finding out exactly is as quick."""
        first = self._kept[self._source(levels)][0]
        return surely_rare(first, self._layout.masks(levels), k) if len(first) > QUICKLY_SORTED else 0

    def of(self, levels: Levels) -> list[Histogram]:
        """Return a node's classes, one histogram per sensitive column, all in the same order of keys."""
        source = self._source(levels)
        masks = self._layout.masks(levels)
        found = [roll_up(histogram, masks) for histogram in self._kept[source]]
        size, taken = len(found[0]), sum(histogram.bytes for histogram in found)
        if size < 0.7 * self._sizes[source] and taken <= self._memory:
            self._memory -= taken
            self._levels = np.vstack([self._levels, np.array(levels, dtype=np.int16)])
            self._sizes = np.append(self._sizes, size)
            self._kept.append(found)
        return found


def measure(
    base: BaseTable, histograms: Sequence[Histogram], levels: Levels, requirements: Requirements, penalties: Penalties
) -> Measured:
    """Judge every class of a node by every model, and say what suppression costs."""
    sizes = histograms[0].class_sizes
    fails = sizes < requirements.k
    bound = np.where(fails, sizes, 0).astype(float)
    for histogram, name in zip(histograms, base.values, strict=False):
        for model in requirements.sensitive.get(name, ()):
            judged = judge(model, histogram, base.sensitive[name])
            fails |= judged.fails
            bound = np.maximum(bound, judged.bound_to_go)
    if requirements.sensitive:
        bound = np.minimum(np.ceil(bound - 1e-6), sizes)
        # Whoever is left of a class is in classes of at least k, or there is nobody left.
        bound = np.where((bound > 0) & (sizes - bound < requirements.k), sizes, bound)
    suppressed, bound_to_go = int(sizes[fails].sum()), float(bound.sum())
    if bound_to_go > requirements.maximum_suppressed * base.people + 1e-6:
        return Measured(suppressed, bound_to_go, np.inf, np.inf, 0)
    touched = np.flatnonzero(fails)
    starts = histograms[0].class_starts[touched]
    saved = 1 - penalties.of_keys([word[starts] for word in histograms[0].key_words], levels)
    return Measured(
        suppressed=suppressed,
        bound_to_go=bound_to_go,
        extra=_mean(sizes[touched], saved, base),
        extra_bound=_mean(bound[touched], saved, base),
        classes=len(sizes) - len(touched),
    )
