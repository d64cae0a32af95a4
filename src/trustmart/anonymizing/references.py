"""What closeness is measured against: the values of a sensitive column in the whole table, and their shares."""

from collections.abc import Sequence

import numpy as np

from trustmart.anonymity.search import SensitiveColumn
from trustmart.anonymizing.words import quoted
from trustmart.warehouse import Session


def shares_of(session: Session, relation: str, columns: Sequence[str]) -> dict[str, SensitiveColumn]:
    """Return each column's values, null first where it occurs and then in their order, with their shares."""
    found = {}
    for column in columns:
        name = quoted(column)
        rows = session.rows(f"select {name}, count(*) from {relation} group by {name} order by {name} nulls first")
        counts = np.array([people for _, people in rows], dtype=float)
        found[column] = SensitiveColumn(tuple(value for value, _ in rows), counts / max(counts.sum(), 1))
    return found
