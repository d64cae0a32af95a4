"""A peer agrees: pyCANON's k, l and t on data without nulls (with nulls it drops rows, and says too much)."""

from typing import Any

import pytest

from trustmart.anonymity.table_measures import measure_table

pandas = pytest.importorskip("pandas")
pycanon = pytest.importorskip("pycanon", reason="pyCANON is no part of the lock; install it to compare with a peer")


def _people() -> list[dict[str, Any]]:
    """Return people in classes of different sizes, without nulls."""
    return [
        {
            "job": "nurse" if i % 3 else "clerk",
            "town": f"T{i % 4}",
            "illness": ("flu", "cold", "gout", "flu")[(i * i + i // 5) % 4],
        }
        for i in range(240)
    ]


def test_pycanon_measures_the_same() -> None:
    """S12: same smallest class, smallest distinct l and largest t."""
    from pycanon import anonymity

    rows, columns = _people(), ["job", "town"]
    table, ours = pandas.DataFrame(rows), measure_table(rows, columns, sensitive=["illness"])
    assert ours.smallest_class_size == anonymity.k_anonymity(table, columns)
    assert ours.smallest_diversity == anonymity.l_diversity(table, columns, ["illness"])
    assert ours.largest_t == pytest.approx(anonymity.t_closeness(table, columns, ["illness"]))
