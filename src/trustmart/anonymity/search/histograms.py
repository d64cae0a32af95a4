"""Equivalence classes as sorted arrays: what a lattice node's classes are, from those of any finer node."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
# So many combinations are sorted; more are grouped by a hash, in tables of at most 2^20 slots (8 MB).
QUICKLY_SORTED = 20_000
_MOST_SLOT_BITS = 20
_BOUND_SLOT_BITS = 16


@dataclass(frozen=True)
class Histogram:
    """How many people share each combination of key and sensitive value.

    words: 64-bit numbers that together tell the combinations apart, each of shape (combinations,). The lowest
        `value_bits` of the last word are the sensitive value, if there is one.
    counts: people per combination, shape (combinations,).
    """

    words: tuple[Ints, ...]
    counts: Ints
    value_bits: int = 0

    def __len__(self) -> int:
        """Return how many combinations there are."""
        return len(self.counts)

    @cached_property
    def only_ones(self) -> bool:
        """Return whether nobody shares a combination with anybody."""
        return bool(len(self.counts) == 0 or self.counts.max() == 1)

    @property
    def values(self) -> Ints:
        """Return each combination's sensitive value."""
        return self.words[-1] & ((1 << self.value_bits) - 1)

    @property
    def key_words(self) -> tuple[Ints, ...]:
        """Return the words without the sensitive value."""
        return (*self.words[:-1], self.words[-1] >> self.value_bits) if self.value_bits else self.words

    @cached_property
    def class_starts(self) -> Ints:
        """Return where each equivalence class begins, in a sorted histogram."""
        if self.value_bits == 0:
            return np.arange(len(self.counts))
        return _starts(self.key_words)

    @cached_property
    def class_sizes(self) -> Ints:
        """Return how many people each class has, in the order of the keys."""
        return self.counts if self.value_bits == 0 else _sums(self.counts, self.class_starts)

    @property
    def bytes(self) -> int:
        """Return how much memory the arrays take."""
        return sum(word.nbytes for word in self.words) + self.counts.nbytes


def pack(keys: Sequence[Ints], key_bits: int, values: Ints | None, value_bits: int, counts: Ints) -> Histogram:
    """Put keys and sensitive values into as few words as they need; the result is not sorted.

    key_bits: how many bits of the last key are used.
    """
    if values is None:
        return Histogram(tuple(keys), counts)
    if key_bits + value_bits < 64:
        return Histogram((*keys[:-1], (keys[-1] << value_bits) | values), counts, value_bits)
    return Histogram((*keys, values), counts, value_bits)


def count_equal(word: Ints) -> tuple[Ints, Ints]:
    """Return the different numbers in order, and how often each is there; what is given is sorted in its place.

    To sort bare numbers is several times quicker than to sort people by them.
    """
    word.sort()
    starts = _starts((word,))
    if len(starts) == len(word):
        return word, np.broadcast_to(np.int64(1), len(word))
    return word[starts], np.diff(starts, append=len(word))


def roll_up(finer: Histogram, masks: Sequence[int]) -> Histogram:
    """Return the classes of a coarser node: mask the keys, and add up what has become equal.

    masks: one per key, the sensitive value not included. Without sensitive values the classes come in any order.
    """
    words = _masked(finer, masks)
    if len(words) == 1 and finer.only_ones:
        word, counts = count_equal(words[0])
        return Histogram((word,), counts, finer.value_bits)
    if len(finer) > QUICKLY_SORTED:
        return _group_by_hash(words, finer)
    order = np.lexsort(words[::-1]) if len(words) > 1 else np.argsort(words[0])
    return _add_up(tuple(word[order] for word in words), finer.counts[order], finer.value_bits)


def surely_rare(finer: Histogram, masks: Sequence[int], k: int) -> int:
    """Return how many people are in classes below k at a coarser node, at least; much quicker than `roll_up`.

    Classes are thrown into slots by a hash. Who is in a slot of fewer than k people is in a class of fewer than k.
    """
    keys = _masked(Histogram(finer.key_words, finer.counts), masks)
    bits = int(len(finer) - 1).bit_length()
    # A quarter as many slots as combinations prove as much as more would, and stay longer in the caches.
    bits = max(bits - 2, min(bits, _BOUND_SLOT_BITS), 1)
    people = _people_in_slots(_slots(keys, bits), finer, bits)
    # To choose by a product is several times quicker than to choose by a mask.
    return int((people * (people < k)).sum())


def _masked(finer: Histogram, masks: Sequence[int]) -> tuple[Ints, ...]:
    """Apply a node's masks; a sensitive value is never masked."""
    value = (1 << finer.value_bits) - 1
    has_own_word = len(masks) < len(finer.words)
    wanted = [*masks, value] if has_own_word else [*masks[:-1], (masks[-1] << finer.value_bits) | value]
    return tuple(word & np.int64(mask) for word, mask in zip(finer.words, wanted, strict=True))


def _group_by_hash(words: tuple[Ints, ...], finer: Histogram) -> Histogram:
    """Group without sorting everything: one combination owns each slot, what else fell into it is sorted afterwards."""
    bits = _slot_bits(len(finer))
    slots = _slots(words, bits)
    owner = np.zeros(1 << bits, dtype=np.int64)
    # Of several that write to one slot the last stays; any will do.
    owner[slots] = np.arange(len(slots))
    mine = owner[slots]
    owns = np.ones(len(slots), dtype=bool)
    for word in words:
        owns &= word[mine] == word
    people = _people_in_slots(slots[owns], finer, bits, rows=owns)
    taken = np.flatnonzero(people)
    others = np.flatnonzero(~owns)
    order = others[np.lexsort([word[others] for word in reversed(words)])]
    rest = _add_up(tuple(word[order] for word in words), finer.counts[order], finer.value_bits)
    first = owner[taken]
    found = tuple(np.concatenate((word[first], more)) for word, more in zip(words, rest.words, strict=True))
    counts = np.concatenate((people[taken].astype(np.int64), rest.counts))
    if finer.value_bits == 0:
        return Histogram(found, counts)
    order = np.lexsort(found[::-1]) if len(found) > 1 else np.argsort(found[0])
    return Histogram(tuple(word[order] for word in found), counts[order], finer.value_bits)


def _slot_bits(combinations: int) -> int:
    """Return the size of a table of slots, as a power of two: as many as combinations, within what caches hold."""
    return max(min(int(combinations - 1).bit_length(), _MOST_SLOT_BITS), 1)


def _slots(words: Sequence[Ints], bits: int) -> Ints:
    """Return each combination's slot (Fibonacci hashing; products wrap around)."""
    first = words[0].view(np.uint64)
    mixed = first >> np.uint64(32)
    mixed ^= first
    mixed *= _GOLDEN
    for word in words[1:]:
        mixed ^= word.view(np.uint64)
        mixed ^= mixed >> np.uint64(32)
        mixed *= _GOLDEN
    mixed >>= np.uint64(64 - bits)
    return mixed.view(np.int64)


def _people_in_slots(slots: Ints, finer: Histogram, bits: int, rows: NDArray[np.bool_] | None = None) -> NDArray[Any]:
    """Return how many people fell into each slot; counting ones is quicker than adding weights."""
    if finer.only_ones:
        return np.bincount(slots, minlength=1 << bits)
    counts = finer.counts if rows is None else finer.counts[rows]
    return np.bincount(slots, weights=counts, minlength=1 << bits)


def _add_up(words: tuple[Ints, ...], counts: Ints, value_bits: int) -> Histogram:
    """Add up the people of equal neighbours."""
    starts = _starts(words)
    return Histogram(tuple(word[starts] for word in words), _sums(counts, starts), value_bits)


def _starts(words: Sequence[Ints]) -> Ints:
    """Return where something new begins in sorted words."""
    if len(words[0]) == 0:
        return np.zeros(0, dtype=np.int64)
    changes = words[0][1:] != words[0][:-1]
    for word in words[1:]:
        changes |= word[1:] != word[:-1]
    return np.concatenate(([0], np.flatnonzero(changes) + 1))


def _sums(counts: Ints, starts: Ints) -> Ints:
    """Return the sum from each start to the next."""
    return np.add.reduceat(counts, starts) if len(starts) else np.zeros(0, dtype=np.int64)
