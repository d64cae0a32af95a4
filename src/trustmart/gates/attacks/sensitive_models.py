"""G4, what every class must satisfy for a sensitive column, held against what it does: l in three forms, and t."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trustmart.anonymity.closeness import hierarchical_distance, ordered_distance
from trustmart.anonymity.hierarchy_building import tree
from trustmart.gates.attacks.published import NULL_SIGN, names, text
from trustmart.gates.measures_sql import Reader, candidate
from trustmart.gates.report import Finding

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMinima:
    """The worst class of each model; recursive_ratio is infinite where a class has fewer than l values."""

    distinct: int
    entropy: float
    recursive_ratio: float
    t: float | None

    @classmethod
    def of(cls, measured: Mapping[str, Any], distance: float | None) -> "ClassMinima":
        """Return what one query measured; distance: t by another distance than the equal one."""
        return cls(
            distinct=int(measured["distinct"]),
            entropy=float(measured["entropy"]),
            recursive_ratio=float(measured["recursive_ratio"]),
            t=float(measured["t"]) if distance is None else distance,
        )

    def faults(self, column: str, models: Mapping[str, Any], suppressed_share: float) -> Iterator[Finding]:
        """Yield what the worst class does not satisfy."""
        if (wanted := models.get("distinct")) is not None and self.distinct < wanted:
            yield _fault(f"a class holds {self.distinct} different values of {column}, policy asks for {wanted}")
        if (wanted := models.get("entropy")) is not None and self.entropy < wanted - _TOLERANCE:
            yield _fault(f"a class has an entropy l of {self.entropy:.2f} for {column}, policy asks for {wanted:g}")
        if (c := models.get("recursive_c")) is not None and self.recursive_ratio >= c:
            yield _fault(f"a class is not recursively ({c:g}, {models['recursive_l']})-diverse for {column}")
        allowed = models.get("t")
        # The published shares differ from those of the whole table by no more than what was left out of it.
        if allowed is not None and self.t is not None and self.t > allowed + suppressed_share + _TOLERANCE:
            yield _fault(f"a class is {self.t:.3f} away from the table in {column}, policy allows {allowed:g}")


def worst_distance(
    reader: Reader, mart: str, columns: Sequence[str], sensitive: str, models: Mapping[str, Any]
) -> float | None:
    """Return the largest t by the ordered or the hierarchical distance, or None where policy asks for the equal one.

    Counts per class and value come out of the warehouse, classes as numbers. An order that is not declared is that of
    the values as text. Returns 1.0, the largest there is, where a value has no place.
    """
    if models.get("t") is None or models.get("distance", "equal") == "equal":
        return None
    key = names(columns)
    classes: dict[int, dict[Any, int]] = defaultdict(dict)
    table: dict[Any, int] = defaultdict(int)
    for number, value, count in reader.rows(
        f"select dense_rank() over (order by {key}), value, n from (select {key}, {text(sensitive)} as value,"
        f" count(*) as n from {candidate(mart)} group by {key}, {text(sensitive)}) as counted"
    ):
        classes[number][value] = int(count)
        table[value] += int(count)
    try:
        return max((_distance(counts, table, models) for counts in classes.values()), default=0.0)
    except ValueError:
        return 1.0


def _distance(counts: dict[Any, int], table: dict[Any, int], models: Mapping[str, Any]) -> float:
    """Return one class's t."""
    if models["distance"] == "ordered":
        order = models.get("order") or sorted(value for value in table if value != NULL_SIGN)
        return ordered_distance(counts, table, [*order, *([NULL_SIGN] if NULL_SIGN in table else [])])
    grown = tree("sensitive", models["tree"])
    paths = {
        str(key): tuple(grown.labels[level][grown.ancestors(level)[leaf]] for level in range(1, grown.levels))
        for leaf, key in enumerate(grown.keys)
    }
    if NULL_SIGN in table:
        paths[NULL_SIGN] = (NULL_SIGN,) * (grown.levels - 2) + ("*",)
    return hierarchical_distance(counts, table, paths)


def _fault(what: str) -> Finding:
    """Say that a class gives too much away."""
    return Finding(
        what=what, count=1, next_step="suppress the class, or coarsen a quasi-identifier: fit the recoding once more"
    )
