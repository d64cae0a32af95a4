"""What the readers of a changed copy have lost: labels that leave more open, people left out, columns that are gone."""

from collections.abc import Mapping

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.moves import table_loss
from trustmart.anonymity.utility import certainty_penalty
from trustmart.gates.copies import Copies
from trustmart.gates.measures_sql import candidate, quoted
from trustmart.policy import Release


def loss_of(copies: Copies, release: Release, trees: Mapping[str, Hierarchy]) -> float:
    """Return the loss of what stands in the copies, 0 to 1, over all columns that policy publishes.

    release: as policy has it, before any change. trees: the declared hierarchies; labels without one count as exact.
    """
    present = copies.columns()
    columns = [
        (one.weight, _penalty(copies, name, trees.get(name)) if name in present else None)
        for name, one in release.quasi_identifiers.items()
    ]
    figures = [*release.measures, *release.sensitive, *release.publish]
    columns += [(1.0, 0.0 if name in present else None) for name in figures]
    total, suppressed = copies.suppressed()
    return table_loss(columns, min(1.0, suppressed / total))


def _penalty(copies: Copies, column: str, tree: Hierarchy | None) -> float:
    """Return the mean certainty penalty of a column's labels; unknown ones count as exact."""
    if tree is None:
        return 0.0
    leaves = dict(zip(tree.labels[0], tree.leaf_counts(0), strict=True))
    for level in range(1, tree.levels):
        leaves |= dict(zip(tree.labels[level], tree.leaf_counts(level), strict=True))
    counted = copies.rows(f"select {quoted(column)}, count(*) from {candidate(copies.mart)} group by {quoted(column)}")
    rows = sum(count for _, count in counted)
    lost = sum(count * certainty_penalty(int(leaves.get(label, 1)), tree.domain) for label, count in counted)
    return float(lost / rows) if rows else 1.0
