"""G0, vocabulary: every label of a column is in its declared hierarchy, and none is finer than policy allows."""

from collections.abc import Mapping, Sequence
from typing import Any

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.errors import HierarchyFault
from trustmart.gates.attacks.outcome import Attacked, attacked, lacking, unmeasurable
from trustmart.gates.attacks.published import literal, missing_columns, text
from trustmart.gates.measures_sql import Reader, candidate
from trustmart.gates.report import Finding
from trustmart.policy import HierarchyRule


def declared_labels(
    reader: Reader,
    *,
    mart: str,
    column: str,
    hierarchy: str,
    rule: Mapping[str, Any] | None,
    minimum_level: str | int,
    fallback: str | None,
    one_level: bool,
) -> Attacked:
    """Compare a column's labels with its hierarchy, which is built from policy and from nothing of the night.

    rule: a HierarchyRule as plain values; None where policy has none of that name. one_level: full-domain marts show
    the labels of a single level. A null is a label of its own; `*` stands for everybody.
    """
    if missing_columns(reader, mart, [column]):
        return lacking("G0", [column])
    if rule is None:
        return _no_hierarchy(column, hierarchy, "there is none of that name")
    try:
        tree = declared_hierarchy(column, HierarchyRule.model_validate(rule), fallback=fallback)
        lowest = tree.level(minimum_level)
    except (HierarchyFault, ValueError) as error:
        return _no_hierarchy(column, hierarchy, type(error).__name__)
    labels, at_level, known, finer = _count(reader, mart, column, tree, lowest)
    return attacked(
        "G0",
        [
            _outside(column, hierarchy, labels - known),
            _too_fine(column, tree.level_names[lowest], finer),
            _mixed(column, labels - at_level) if one_level and labels == known and not finer else None,
        ],
        labels=labels,
        outside=labels - known,
        finer_than_allowed=finer,
    )


def _count(reader: Reader, mart: str, column: str, tree: Hierarchy, lowest: int) -> tuple[int, int, int, int]:
    """Return how many labels are shown, are of the best single level, are known at all, and are too fine."""
    counts = _count_among(reader, mart, column, tree, lowest, range(lowest, tree.levels))
    if counts[0] == counts[2]:
        return counts
    # Only where a label is unknown is it worth asking whether it is a finer one: a calendar has tens of thousands.
    return _count_among(reader, mart, column, tree, lowest, range(tree.levels))


def _count_among(
    reader: Reader, mart: str, column: str, tree: Hierarchy, lowest: int, levels: Sequence[int]
) -> tuple[int, int, int, int]:
    """Count as `_count` does, knowing the labels of some levels."""
    rows = [(level, label) for level in levels for label in tree.labels[level]]
    values = ", ".join(f"({level}, {literal(label)})" for level, label in rows)
    ((labels, at_level, known, finer),) = reader.rows(
        f"with known(level, label) as (values {values}),"
        f" shown as (select distinct {text(column)} as label from {candidate(mart)}),"
        " matched as (select shown.label, known.level from shown join known on known.label = shown.label),"
        f" per_level as (select level, count(*) as labels from matched where level >= {lowest} group by level),"
        " per_label as (select label, max(level) as highest from matched group by label)"
        " select (select count(*) from shown), (select coalesce(max(labels), 0) from per_level),"
        f" count(*), sum(case when highest < {lowest} then 1 else 0 end) from per_label"
    )
    return int(labels), int(at_level), int(known), int(finer or 0)


def _no_hierarchy(column: str, hierarchy: str, why: str) -> Attacked:
    """Say that a column cannot be compared with its hierarchy."""
    return unmeasurable(
        "G0",
        f"{column} cannot be compared with its hierarchy {hierarchy} ({why})",
        f"declare {hierarchy} in policy/hierarchies.yml, then: trustmart check",
    )


def _outside(column: str, hierarchy: str, count: int) -> Finding | None:
    """Say that labels are unknown."""
    if not count:
        return None
    return Finding(
        what=f"{count} of the labels of {column} stand nowhere in the hierarchy {hierarchy}",
        count=count,
        next_step=f"generalize {column} by {hierarchy}, or give it a fallback in policy/releases.yml",
    )


def _too_fine(column: str, level: str, count: int) -> Finding | None:
    """Say that labels are finer than the minimum level."""
    if not count:
        return None
    return Finding(
        what=f"{count} of the labels of {column} are finer than the level {level}, the finest that policy allows",
        count=count,
        next_step=f"generalize {column} at least to {level}",
    )


def _mixed(column: str, count: int) -> Finding | None:
    """Say that labels are of several levels."""
    if not count:
        return None
    return Finding(
        what=f"the labels of {column} are of several levels ({count} are not of the level that most are of)",
        count=count,
        next_step=f"recode {column} to one level: full-domain microdata has one level per column",
    )
