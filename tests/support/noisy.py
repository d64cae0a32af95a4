"""A small noisy release, and the plain-Python reference of what one person may count."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from trustmart.policy.releases import Release

Record = tuple[str | None, str | None, str, float | None]
"""subject_id, region, band, amount."""

DOMAINS = {"region": ["north", "south", None], "band": ["young", "old"]}
LABELS = ("region", "band")


def noisy_release(*, bounds: Sequence[float] = (-2, 5), **noise: Any) -> Release:
    """Return a cube by region and band: people, records and a sum."""
    declared = {"epsilon": 0.5, "population": "customers", "yearly_epsilon": 6, "cells_per_person": 2, **noise}
    return Release.model_validate(
        {
            "title": "Noisy",
            "use_case": "monthly_report",
            "tier": "open_cube",
            "minimum_class_size": 11,
            "maximum_suppressed": 0.1,
            "class_size": "customers",
            "quasi_identifiers": {"region": {"from": "country"}, "band": {"from": "birth_date"}},
            "measures": {
                "bookings": {"from": "booked_at", "how": "records"},
                "total": {"from": "amount", "how": "sum", "bounds": list(bounds), "round_to": 1},
            },
            "noise": declared,
        }
    )


def reference(
    records: Iterable[Record], *, key: str, cells: int, per_cell: int, bounds: Sequence[float]
) -> dict[tuple[Any, ...], list[int]]:
    """Return people, records and sum (in cents) of every cell with people, bounded in plain Python."""
    by_person: dict[str, dict[tuple[Any, ...], list[float | None]]] = defaultdict(lambda: defaultdict(list))
    for subject_id, region, band, amount in records:
        if subject_id is not None and region in DOMAINS["region"] and band in DOMAINS["band"]:
            by_person[subject_id][region, band].append(amount)
    found: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for subject_id, own in by_person.items():
        for cell in sorted(own, key=lambda cell: _digest(key, subject_id, *cell))[:cells]:
            counted = [_cents(amount, bounds) for amount in own[cell]]
            ordered = sorted(counted, key=lambda cents: _digest(key, subject_id, *cell, cents))[:per_cell]
            figures = found[cell]
            figures[0] += 1
            figures[1] += len(ordered)
            figures[2] += sum(ordered)
    return dict(found)


def _cents(amount: float | None, bounds: Sequence[float]) -> int:
    """Return what one record counts."""
    return 0 if amount is None else round(min(max(amount, bounds[0]), bounds[1]) * 100)


def _digest(*parts: Any) -> str:
    """Return the digest that puts a person's cells and records in order."""
    return hashlib.md5("|".join("∅" if part is None else str(part) for part in parts).encode()).hexdigest()
