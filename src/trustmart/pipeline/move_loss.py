"""What the readers of a changed copy have lost: labels that leave more open, people left out, columns that are gone."""

from collections.abc import Mapping

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.moves import table_loss
from trustmart.anonymity.utility import certainty_penalty
from trustmart.gates.attacks.levels import Told, coarse
from trustmart.gates.attacks.published import records_of, text
from trustmart.gates.copies import Copies
from trustmart.gates.measures_sql import candidate, people_of, quoted
from trustmart.policy import Release


def loss_of(
    copies: Copies, release: Release, trees: Mapping[str, Hierarchy], *, changed: Release | None = None
) -> float:
    """Return the loss of what stands in the copies, 0 to 1, over all columns that policy publishes.

    release: as policy has it, before any change. trees: the declared hierarchies; labels without one count as exact, as
    do a cube's as policy has them. changed: what policy would say of the copies. Each set of totals weighs 1, as a
    figure does.
    """
    present, told = copies.columns(), told_coarser(release, changed or release)
    columns = [
        (one.weight, _lost_in(copies, name, release, trees, told) if name in present else None)
        for name, one in release.quasi_identifiers.items()
    ]
    left = {frozenset(margin) for margin in (changed or release).margins}
    columns += [(1.0, 0.0 if frozenset(margin) & set(present) in left else None) for margin in release.margins]
    figures = [*release.measures, *release.sensitive, *release.publish]
    columns += [(1.0, 0.0 if name in present else None) for name in figures]
    total, suppressed = copies.suppressed()
    return table_loss(columns, min(1.0, suppressed / total))


def told_coarser(release: Release, changed: Release) -> dict[str, tuple[str, str, str]]:
    """Return the columns of a cube that a changed release tells more coarsely: hierarchy, from level, to level."""
    before = {name: there for name, (_, _, there) in release.coarser.items()}
    return {
        name: (hierarchy, before.get(name, here), there)
        for name, (hierarchy, here, there) in changed.coarser.items()
        if before.get(name) != there
    }


def _lost_in(
    copies: Copies, column: str, release: Release, trees: Mapping[str, Hierarchy], told: Mapping[str, Told]
) -> float:
    """Return the mean certainty penalty of a column's labels."""
    if column in told:
        return _coarse_penalty(copies, column, release, told[column])
    return _penalty(copies, column, trees.get(column))


def _coarse_penalty(copies: Copies, column: str, release: Release, told: Told) -> float:
    """Return the mean penalty of a cube's coarser labels: the share of the labels before that each leaves open.

    The mean is over people, each once per cell; totals say nothing of a label.
    """
    records, size = records_of(copies.mart), people_of(release.class_size)
    ((lost, people, domain),) = copies.session.rows(
        f"with pairs as (select fine, {coarse('fine', told, of='before.')} as label from"
        f" (select distinct {quoted(column)} as fine from {records}) as before),"
        " open as (select label, count(*) as n from pairs group by label)"
        " select sum(people * (n - 1)), sum(people), (select count(*) from pairs)"
        f" from (select {quoted(column)} as label, {size} as people"
        f" from {copies.table} where {text(column)} <> '*') as shown"
        " join open on open.label is not distinct from shown.label"
    )
    return float(lost) / (float(people) * (int(domain) - 1)) if people and domain > 1 else 0.0


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
