"""Prefix codes: every leaf is a number whose leading bits are its ancestors, so that generalizing is masking.

A column's code spells the way from the root to the leaf, a few bits per step; the codes of all columns are packed side
by side into one signed 64-bit key, or into several where one is too short. A node of the lattice (one level per column)
is then one mask per key: two rows fall into the same equivalence class exactly where `key & mask` is the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.errors import HierarchyFault

# All of a signed 64-bit number, so that engines without unsigned ones (Spark) hold the same keys. Keys are
# compared for being equal only, so a code may reach into the sign bit.
KEY_BITS = 64

Codes = NDArray[np.int64]
Levels = Sequence[int]


@dataclass(frozen=True)
class PrefixCode:
    """One column's codes before they have a place in a key.

    codes: for each leaf its code, shape (domain,).
    kept_bits: per level, how many of the leading bits that level keeps; 0 at `*`.
    """

    codes: Codes
    kept_bits: tuple[int, ...]

    @property
    def bits(self) -> int:
        """Return how many bits a code has."""
        return self.kept_bits[0]


def prefix_code(hierarchy: Hierarchy, *, floor: int = 0, absent: Collection[int] = ()) -> PrefixCode:
    """Number the children of every node, and string the numbers together from the root to the leaf.

    floor: the finest level that will be asked for; what lies below needs no bits.
    absent: leaves that do not occur; they need no bits, and their code means nothing.
    """
    occurs = np.ones(hierarchy.domain, dtype=bool)
    occurs[list(absent)] = False
    occurring = [np.flatnonzero(labels_that_occur(hierarchy, level, occurs)) for level in range(hierarchy.levels)]
    codes: Codes = np.zeros(1, dtype=np.int64)
    kept = [0]
    for level in range(hierarchy.levels - 2, floor - 1, -1):
        parent = np.asarray(hierarchy.parents[level], dtype=np.int64)
        child = np.zeros_like(parent)
        child[occurring[level]] = _place_among_siblings(parent[occurring[level]])
        step = int(child.max(initial=0)).bit_length()
        codes = (codes[parent] << step) | child
        kept.append(kept[-1] + step)
    if kept[-1] > KEY_BITS:
        raise HierarchyFault(
            f"{hierarchy.name}: its codes need {kept[-1]} bits, a key has {KEY_BITS}; leave out some levels"
        )
    return PrefixCode(codes=codes[hierarchy.ancestors(floor)], kept_bits=(kept[-1],) * floor + tuple(reversed(kept)))


def labels_that_occur(hierarchy: Hierarchy, level: int, occurs: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which labels of a level have a leaf that occurs, shape (labels,)."""
    found = np.zeros(len(hierarchy.labels[level]), dtype=bool)
    found[hierarchy.ancestors(level)[occurs]] = True
    return found


def _place_among_siblings(parent: Codes) -> Codes:
    """Return for each node how many nodes with the same parent come before it."""
    order = np.argsort(parent, kind="stable")
    ordered = parent[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(ordered)])
    places = np.empty_like(order)
    places[order] = np.arange(len(order)) - np.repeat(starts, lengths)
    return places


@dataclass(frozen=True)
class KeyLayout:
    """Where each column's code lies: which key, and how far it is shifted to the left.

    absent: per column the leaves that do not occur, whose codes mean nothing.
    """

    hierarchies: tuple[Hierarchy, ...]
    prefix_codes: tuple[PrefixCode, ...]
    keys: tuple[int, ...]
    shifts: tuple[int, ...]
    absent: tuple[tuple[int, ...], ...]

    @property
    def key_count(self) -> int:
        """Return how many 64-bit keys a row has; at least one."""
        return max(self.keys, default=0) + 1

    @cached_property
    def level_counts(self) -> tuple[int, ...]:
        """Return how many levels each column has: the shape of the lattice."""
        return tuple(hierarchy.levels for hierarchy in self.hierarchies)

    def leaf_codes(self, column: int) -> Codes:
        """Return each leaf's code at its place in the key, shape (domain,)."""
        return self.prefix_codes[column].codes << self.shifts[column]

    def column_mask(self, column: int, level: int) -> int:
        """Return the mask that keeps what a column says at a level, as a signed number."""
        code = self.prefix_codes[column]
        kept = code.kept_bits[level]
        return _signed((((1 << kept) - 1) << (code.bits - kept)) << self.shifts[column])

    def column_codes(self, keys: Sequence[Codes], column: int) -> Codes:
        """Return what keys say about one column, without its place: numbers from 0."""
        full = (1 << self.prefix_codes[column].bits) - 1
        return (keys[self.keys[column]] >> self.shifts[column]) & _signed(full)

    def masks(self, levels: Levels) -> tuple[int, ...]:
        """Return the masks of a lattice node, one per key."""
        masks = [0] * self.key_count
        for key, by_level, level in zip(self.keys, self._column_masks, levels, strict=True):
            masks[key] |= by_level[level]
        return tuple(masks)

    @cached_property
    def _column_masks(self) -> list[list[int]]:
        """Return the mask of each level of each column."""
        return [
            [self.column_mask(column, level) for level in range(levels)]
            for column, levels in enumerate(self.level_counts)
        ]

    def used_bits(self, key: int) -> int:
        """Return how many bits of a key carry something."""
        places = zip(self.keys, self.shifts, self.prefix_codes, strict=True)
        return max((shift + code.bits for place, shift, code in places if place == key), default=0)


def lay_out(
    hierarchies: Sequence[Hierarchy], *, floor: Levels | None = None, absent: Sequence[Collection[int]] | None = None
) -> KeyLayout:
    """Pack the columns into as few keys as first fit finds. floor, absent: per column, as in `prefix_code`."""
    floors = floor if floor is not None else [0] * len(hierarchies)
    missing = absent if absent is not None else [()] * len(hierarchies)
    codes = [
        prefix_code(hierarchy, floor=low, absent=leaves)
        for hierarchy, low, leaves in zip(hierarchies, floors, missing, strict=True)
    ]
    used: list[int] = []
    keys, shifts = [], []
    for code in codes:
        key = next((place for place, bits in enumerate(used) if bits + code.bits <= KEY_BITS), len(used))
        if key == len(used):
            used.append(0)
        keys.append(key)
        # A column of no bits may come last in a full key, where nothing can be shifted any more.
        shifts.append(min(used[key], KEY_BITS - 1))
        used[key] += code.bits
    without = tuple(tuple(leaves) for leaves in missing)
    return KeyLayout(tuple(hierarchies), tuple(codes), tuple(keys), tuple(shifts), without)


def _signed(number: int) -> int:
    """Return the signed 64-bit number of the same bits."""
    return number - (1 << 64) if number >> 63 else number
