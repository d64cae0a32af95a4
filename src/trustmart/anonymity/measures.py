"""Equivalence classes and their sizes. Plain values in, plain values out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# Where a histogram's bins begin, above the smallest class that policy permits.
_BIN_STARTS = (11, 21, 51, 101, 501)

Row = Mapping[str, Any]
ClassKey = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeBin:
    """How many classes have a size from `low` to `high` (no upper end where it is None)."""

    low: int
    high: int | None
    classes: int

    def as_dict(self) -> dict[str, int | None]:
        """Return the bin as reports write it."""
        return {"from": self.low, "to": self.high, "classes": self.classes}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMeasures:
    """How far people stand out in a table. Counts only."""

    rows: int
    classes: int
    people: int
    smallest_class: int | None
    median_class: int | None
    classes_below: int
    people_below: int
    classes_in_several_rows: int
    histogram: tuple[SizeBin, ...]


def class_sizes(rows: Iterable[Row], columns: Sequence[str], *, size: str | None = None) -> dict[ClassKey, int]:
    """Return how many people share each combination of values.

    size: the column that says how many people a row stands for (nothing or less counts as nobody); without
    it, a row stands for one person.
    """
    sizes: dict[ClassKey, int] = {}
    for row in rows:
        # Null is a value an attacker can see, so nulls form a class of their own.
        key = tuple(row[column] for column in columns)
        sizes[key] = sizes.get(key, 0) + (1 if size is None else max(row[size] or 0, 0))
    return sizes


def smallest_class_size(rows: Iterable[Row], columns: Sequence[str], *, size: str | None = None) -> int | None:
    """Return the size of the rarest combination, or None where there is no row."""
    return min(class_sizes(rows, columns, size=size).values(), default=None)


def suppressed_share(*, people_total: int, people_suppressed: int) -> float:
    """Return which share of the people was left out to protect them."""
    if people_total <= 0 or not 0 <= people_suppressed <= people_total:
        raise ValueError(f"{people_suppressed} of {people_total} people is no share")
    return people_suppressed / people_total


def measure_classes(rows: Sequence[Row], columns: Sequence[str], *, size: str, minimum: int) -> ClassMeasures:
    """Measure an aggregated table: rows with the same labels are one class, and their people add up."""
    appearances = Counter(tuple(row[column] for column in columns) for row in rows)
    return summarize_sizes(
        Counter(class_sizes(rows, columns, size=size).values()),
        minimum=minimum,
        rows=len(rows),
        classes_in_several_rows=sum(1 for times in appearances.values() if times > 1),
    )


def summarize_sizes(
    classes_of_size: Mapping[int, int], *, minimum: int, rows: int, classes_in_several_rows: int
) -> ClassMeasures:
    """Measure a table of which only this is known: how many classes there are of each size."""
    below = {size: classes for size, classes in classes_of_size.items() if size < minimum}
    return ClassMeasures(
        rows=rows,
        classes=sum(classes_of_size.values()),
        people=sum(size * classes for size, classes in classes_of_size.items()),
        smallest_class=min(classes_of_size, default=None),
        median_class=_median(classes_of_size),
        classes_below=sum(below.values()),
        people_below=sum(size * classes for size, classes in below.items()),
        classes_in_several_rows=classes_in_several_rows,
        histogram=histogram(classes_of_size, minimum=minimum),
    )


def histogram(classes_of_size: Mapping[int, int], *, minimum: int) -> tuple[SizeBin, ...]:
    """Sort classes into bins by size; the bin below the minimum is there only where it is not empty."""
    starts = [minimum, *(start for start in _BIN_STARTS if start > minimum)]
    ends = [following - 1 for _, following in pairwise(starts)]
    edges: list[tuple[int, int | None]] = list(zip(starts, [*ends, None], strict=True))
    if (smallest := min(classes_of_size, default=minimum)) < minimum:
        edges.insert(0, (min(smallest, 1), minimum - 1))
    return tuple(_bin(classes_of_size, low, high) for low, high in edges)


def _bin(classes_of_size: Mapping[int, int], low: int, high: int | None) -> SizeBin:
    """Count the classes between two sizes, both included."""
    inside = (n for size, n in classes_of_size.items() if low <= size and (high is None or size <= high))
    return SizeBin(low=low, high=high, classes=sum(inside))


def _median(classes_of_size: Mapping[int, int]) -> int | None:
    """Return the middle class's size (the lower one of two) without writing every class out."""
    middle = (sum(classes_of_size.values()) + 1) // 2
    for size in sorted(classes_of_size):
        middle -= classes_of_size[size]
        if middle <= 0:
            return size
    return None
