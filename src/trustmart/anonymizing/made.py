"""What the door says of a mart that it made: counts and digests, never a value of a person."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Made:
    """How many rows a candidate has, and who was left out of it.

    people_total and people_suppressed count a person once in each class (cell) that they are in. facts: what else the
    report and the ledger should say (levels, loss, digests, epsilon …), JSON-serialisable.
    """

    rows: int
    people_total: int
    people_suppressed: int
    classes_total: int
    classes_suppressed: int
    facts: dict[str, Any] = field(default_factory=dict)
