"""Every measure of one table, as it would be published. The plain-Python reference of the SQL that engines run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, repeat
from typing import Any

from trustmart.anonymity.closeness import equal_distance, ordered_distance
from trustmart.anonymity.diversity import (
    ValueCounts,
    distinct_diversity,
    entropy_diversity,
    recursive_ratio,
    sensitive_counts,
)
from trustmart.anonymity.measures import Row, class_sizes, histogram, summarize_sizes
from trustmart.anonymity.utility import average_class_ratio, average_risk, discernibility, marketer_risk, maximum_risk

# The l of recursive (c, l)-diversity that are measured without being asked for.
RECURSIVE_L = (2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitiveMeasures:
    """What the classes give away about one sensitive column; all None where there is no row.

    smallest_diversity, smallest_entropy_diversity: the l that every class reaches.
    recursive_c_for_l: per l, every class is recursively (c, l)-diverse for any c above this; None where no c will do.
    largest_t: farthest from the table with all values equally far apart; largest_ordered_t: with values in their order.
    """

    smallest_diversity: int | None
    smallest_entropy_diversity: float | None
    recursive_c_for_l: dict[int, float | None]
    largest_t: float | None
    largest_ordered_t: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMeasures:
    """How far people stand out in a table, and how coarse it is. Counts and shares only; None where there is no row.

    records, classes: how many; a record is a person.
    smallest, median, mean_class_size: people per class; records_below_k: in classes smaller than k.
    maximum, average, marketer_risk: chances of being named, from 0 to 1 (see trustmart.anonymity.utility).
    average_class_ratio: C_avg; discernibility: a suppressed record costs as much as the table has records.
    suppressed, suppressed_share: records left out, where it is known how many there were.
    """

    records: int
    classes: int
    smallest_class_size: int | None
    median_class_size: int | None
    mean_class_size: float | None
    k: int
    records_below_k: int
    maximum_risk: float | None
    average_risk: float | None
    marketer_risk: float | None
    average_class_ratio: float | None
    discernibility: int
    suppressed: int | None
    suppressed_share: float | None
    class_size_histogram: list[dict[str, int | None]]
    sensitive: dict[str, SensitiveMeasures] = field(default_factory=dict)

    @property
    def smallest_diversity(self) -> int | None:
        """Return the smallest distinct l over all sensitive columns."""
        return min((m.smallest_diversity for m in self.sensitive.values() if m.smallest_diversity), default=None)

    @property
    def smallest_entropy_diversity(self) -> float | None:
        """Return the smallest entropy l over all sensitive columns."""
        found = (measures.smallest_entropy_diversity for measures in self.sensitive.values())
        return min((l for l in found if l is not None), default=None)  # noqa: E741 (the paper's letter)

    @property
    def largest_t(self) -> float | None:
        """Return the largest t over all sensitive columns, all values being equally far apart."""
        found = (measures.largest_t for measures in self.sensitive.values())
        return max((t for t in found if t is not None), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return everything under the names that scripts read."""
        return {
            **asdict(self),
            "smallest_diversity": self.smallest_diversity,
            "smallest_entropy_diversity": self.smallest_entropy_diversity,
            "largest_t": self.largest_t,
        }


def measure_table(
    rows: Sequence[Row],
    quasi_identifiers: Sequence[str],
    *,
    sensitive: Sequence[str] = (),
    k: int = 2,
    records_total: int | None = None,
) -> TableMeasures:
    """Measure a table row by row; nulls are values. records_total: how many records there were before suppression.

    Raises KeyError where a row lacks a column, ValueError where there were fewer records than there are.
    """
    sizes = Counter(class_sizes(rows, quasi_identifiers).values())
    found = {column: _measure_sensitive(rows, quasi_identifiers, column) for column in sensitive}
    return summarize_table(sizes, k=k, records_total=records_total, sensitive=found)


def summarize_table(
    classes_of_size: Mapping[int, int],
    *,
    k: int,
    records_total: int | None,
    sensitive: Mapping[str, SensitiveMeasures],
) -> TableMeasures:
    """Measure a table of which this is known: how many classes there are of each size, and the sensitive measures."""
    sizes = list(chain.from_iterable(repeat(size, classes) for size, classes in sorted(classes_of_size.items())))
    records = sum(sizes)
    if records_total is not None and records_total < records:
        raise ValueError(f"the table has {records} records; it cannot come from {records_total}")
    suppressed = None if records_total is None else records_total - records
    counted = summarize_sizes(classes_of_size, minimum=k, rows=records, classes_in_several_rows=0)
    return TableMeasures(
        records=records,
        classes=counted.classes,
        smallest_class_size=counted.smallest_class,
        median_class_size=counted.median_class,
        mean_class_size=records / counted.classes if counted.classes else None,
        k=k,
        records_below_k=counted.people_below,
        maximum_risk=maximum_risk(sizes),
        average_risk=average_risk(sizes),
        marketer_risk=marketer_risk(sizes),
        average_class_ratio=average_class_ratio(sizes, k),
        discernibility=discernibility(sizes, suppressed=suppressed or 0),
        suppressed=suppressed,
        suppressed_share=suppressed / records_total if suppressed is not None and records_total else None,
        class_size_histogram=[size_bin.as_dict() for size_bin in histogram(classes_of_size, minimum=k)],
        sensitive=dict(sensitive),
    )


def _measure_sensitive(rows: Sequence[Row], quasi_identifiers: Sequence[str], column: str) -> SensitiveMeasures:
    """Measure every class, and take the worst of each."""
    classes = list(sensitive_counts(rows, quasi_identifiers, column).values())
    everybody: ValueCounts = Counter(row[column] for row in rows)
    order = rank_values(everybody)
    return SensitiveMeasures(
        smallest_diversity=min(map(distinct_diversity, classes), default=None),
        smallest_entropy_diversity=min(map(entropy_diversity, classes), default=None),
        recursive_c_for_l={
            l: _finite(max((recursive_ratio(counts, l) for counts in classes), default=None))
            for l in RECURSIVE_L  # noqa: E741 (the paper's letter)
        },
        largest_t=max((equal_distance(counts, everybody) for counts in classes), default=None),
        largest_ordered_t=max((ordered_distance(counts, everybody, order) for counts in classes), default=None),
    )


def rank_values(values: Any) -> list[Any]:
    """Return values in their own order, null first."""
    return sorted(values, key=lambda value: (value is not None, value))


def _finite(number: float | None) -> float | None:
    """Return a number that JSON can say; None for none and for infinity."""
    return None if number is None or number == float("inf") else number
