"""Privacy models: what every equivalence class of a release must satisfy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trustmart.anonymity.closeness import Path, equal_distance, hierarchical_distance, ordered_distance
from trustmart.anonymity.diversity import (
    TOLERANCE,
    ValueCounts,
    distinct_diversity,
    entropy_diversity,
    is_recursively_diverse,
)

Distance = Literal["equal", "ordered", "hierarchical"]


@dataclass(frozen=True, kw_only=True)
class DistinctDiversity:
    """Every class holds at least l different sensitive values."""

    l: int  # noqa: E741 (the paper's letter)

    def holds(self, counts: ValueCounts, table_counts: ValueCounts) -> bool:
        """Return whether a class with these sensitive values may be published."""
        return distinct_diversity(counts) >= self.l


@dataclass(frozen=True, kw_only=True)
class EntropyDiversity:
    """Every class is as mixed as one with l equally common sensitive values."""

    l: float  # noqa: E741 (the paper's letter)

    def holds(self, counts: ValueCounts, table_counts: ValueCounts) -> bool:
        """Return whether a class with these sensitive values may be published."""
        return entropy_diversity(counts) >= self.l - TOLERANCE


@dataclass(frozen=True, kw_only=True)
class RecursiveDiversity:
    """In every class the most common sensitive value is rarer than c times the l-th and all rarer ones together."""

    c: float
    l: int  # noqa: E741 (the paper's letter)

    def holds(self, counts: ValueCounts, table_counts: ValueCounts) -> bool:
        """Return whether a class with these sensitive values may be published."""
        return is_recursively_diverse(counts, c=self.c, l=self.l)


@dataclass(frozen=True, kw_only=True)
class TCloseness:
    """In every class the sensitive values are spread as in the whole table, up to a distance of t.

    order: every value, lowest first, for the ordered distance.
    paths: every value's ancestors, parent first and root last, for the hierarchical distance.
    """

    t: float
    distance: Distance = "equal"
    order: tuple[Any, ...] = ()
    paths: Mapping[Any, Path] = field(default_factory=dict)

    def holds(self, counts: ValueCounts, table_counts: ValueCounts) -> bool:
        """Return whether a class with these sensitive values may be published."""
        return self.measure(counts, table_counts) <= self.t + TOLERANCE

    def measure(self, counts: ValueCounts, table_counts: ValueCounts) -> float:
        """Return the distance of a class from the table."""
        if self.distance == "ordered":
            return ordered_distance(counts, table_counts, self.order)
        if self.distance == "hierarchical":
            return hierarchical_distance(counts, table_counts, dict(self.paths))
        return equal_distance(counts, table_counts)


Model = DistinctDiversity | EntropyDiversity | RecursiveDiversity | TCloseness


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """All that a release must satisfy.

    k: the smallest class size.
    sensitive: per sensitive column its models; each class must satisfy all of them.
    maximum_suppressed: the largest share of records that may be left out for it, from 0 to 1.
    """

    k: int
    sensitive: Mapping[str, tuple[Model, ...]] = field(default_factory=dict)
    maximum_suppressed: float = 0.0
