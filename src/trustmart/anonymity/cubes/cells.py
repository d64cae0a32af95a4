"""The cells of a cube in plain Python: slow, obvious, and what the SQL must agree with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trustmart.anonymity.cubes.dominance import slack
from trustmart.anonymity.cubes.relations import ROLLED, Labels


@dataclass(kw_only=True)
class CellFigures:
    """Who is in a cell, how often, and what each of them adds to each figure."""

    people: set[str] = field(default_factory=set)
    records: int = 0
    amounts: dict[str, dict[str, float]] = field(default_factory=dict)

    def total(self, name: str) -> float:
        """Return the sum of a figure."""
        return sum(self.amounts.get(name, {}).values())

    def slack(self, name: str, percent: float) -> float:
        """Return by how much a sum passes the p %-rule, times 100."""
        return slack(self.amounts.get(name, {}).values(), percent)


def count_cells(
    records: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    margins: Iterable[Sequence[str]] = (),
    amounts: Sequence[str] = (),
) -> dict[Labels, CellFigures]:
    """Return every cell, the finest and the margins', by its labels; nulls are labels, `*` stands for all.

    records: with subject_id, the columns, and the amounts (null adds nothing). margins: the columns that are kept.
    """
    found: dict[Labels, CellFigures] = {}
    kept = {frozenset(columns), *(frozenset(margin) for margin in margins)}
    for record in records:
        for one in kept:
            labels = tuple(record[column] if column in one else ROLLED for column in columns)
            cell = found.setdefault(labels, CellFigures())
            cell.people.add(record["subject_id"])
            cell.records += 1
            for name in amounts:
                if record[name] is not None:
                    parts = cell.amounts.setdefault(name, {})
                    parts[record["subject_id"]] = parts.get(record["subject_id"], 0) + record[name]
    return found
