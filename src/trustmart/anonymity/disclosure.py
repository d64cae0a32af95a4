"""What a published table gives away, in three figures: k, distinct l, t. The reference of the SQL that engines run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trustmart.anonymity.closeness import equal_distance
from trustmart.anonymity.diversity import ValueCounts, distinct_diversity, sensitive_counts
from trustmart.anonymity.measures import Row, smallest_class_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """The worst class of a table; None where there is no row. Counts and shares only.

    smallest_class_size: k, in records. smallest_diversity: per sensitive column its distinct l.
    largest_t: per sensitive column its distance from the whole table, from 0 to 1, all values equally far apart.
    """

    smallest_class_size: int | None
    smallest_diversity: dict[str, int | None]
    largest_t: dict[str, float | None]

    def as_dict(self) -> dict[str, Any]:
        """Return it under the names that scripts read: the worst of all sensitive columns, and each column's own."""
        by_column = {
            column: {"smallest_diversity": self.smallest_diversity[column], "largest_t": self.largest_t[column]}
            for column in self.smallest_diversity
        }
        diversities = [one for one in self.smallest_diversity.values() if one is not None]
        distances = [one for one in self.largest_t.values() if one is not None]
        return {
            "smallest_class_size": self.smallest_class_size,
            "smallest_diversity": min(diversities, default=None),
            "largest_t": max(distances, default=None),
            "sensitive": by_column,
        }


def measure_disclosure(rows: Sequence[Row], quasi_identifiers: Sequence[str], sensitive: Sequence[str]) -> Disclosure:
    """Measure k, l and t of a table row by row; nulls are values. Raises KeyError where a row lacks a column."""
    diversities: dict[str, int | None] = {}
    distances: dict[str, float | None] = {}
    for column in sensitive:
        classes = list(sensitive_counts(rows, quasi_identifiers, column).values())
        everybody: ValueCounts = Counter(row[column] for row in rows)
        diversities[column] = min(map(distinct_diversity, classes), default=None)
        distances[column] = max((equal_distance(counts, everybody) for counts in classes), default=None)
    return Disclosure(
        smallest_class_size=smallest_class_size(rows, quasi_identifiers),
        smallest_diversity=diversities,
        largest_t=distances,
    )
