"""Which rows of a mart a check found: as a condition on its rows, so that a copy can do without them.

Microdata is suppressed by whole classes: a class that loses a few of its people tells of those few.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.errors import HierarchyFault
from trustmart.gates.attacks.published import class_id, literal, members_of, names, text
from trustmart.gates.checks import UNKNOWN_LABEL
from trustmart.gates.measures_sql import Reader, candidate, people_of, quoted, restricted
from trustmart.gates.offending_classes import (
    changed_by_few,
    complementary,
    few_stayed,
    linked,
    named,
    relabelled,
    subtracted,
)
from trustmart.gates.requirement import Requirement
from trustmart.gates.thresholds import bound
from trustmart.policy import HierarchyRule

_TOLERANCE = 1e-9


def offenders(reader: Reader, requirement: Requirement, columns: Sequence[str], mart: str) -> str | None:
    """Return the condition on the rows that a check found; None where it finds no rows of its own.

    columns: the mart's quasi-identifiers, which make its classes. mart: which of two marts loses rows, where a check is
    about both.
    """
    if requirement.check == "margins_of_each_other":
        return subtracted(reader, columns, requirement.arguments, mart)
    find = _FINDING.get(requirement.check)
    return find(reader, columns, requirement.arguments) if find else None


def _too_small(reader: Reader, columns: Sequence[str], asked: Mapping[str, Any]) -> str:
    """Classes of fewer people than policy asks for."""
    people = people_of(asked["class_size"])
    return _of_classes(columns, f"sum({people}) < {int(asked['minimum_class_size'])}", asked["mart"])


def _rare_rows(reader: Reader, columns: Sequence[str], asked: Mapping[str, Any]) -> str:
    """Classes with a whole row that is rarer than k."""
    whole = names([*asked["quasi_identifiers"], *asked["others"]])
    return (
        f"{class_id(columns)} in (select {class_id(columns)} from {candidate(asked['mart'])}"
        f" group by {whole} having count(*) < {int(asked['minimum_class_size'])})"
    )


def _told_too_many(reader: Reader, columns: Sequence[str], asked: Mapping[str, Any]) -> str:
    """Cells that say they hold more people than are there."""
    k = int(asked["minimum_class_size"])
    members = f"select class_id from {members_of(asked['mart'])} group by class_id having count(*) >= {k}"
    return f"{class_id(columns)} not in ({members})"


def _telling(reader: Reader, columns: Sequence[str], asked: Mapping[str, Any]) -> str:
    """Classes that are not diverse or close enough, or nearly sure of a value."""
    key, models, value = class_id(columns), asked["models"], text(asked["sensitive"])
    certain = bound("nearly_certain")
    harmless = ", ".join(literal(str(one)) for one in models.get("harmless") or ())
    spared = f" and value not in ({harmless})" if harmless else ""
    faults = [f"max(case when n >= {certain} * size and share < {certain}{spared} then 1 else 0 end) = 1"]
    if (distinct := models.get("distinct")) is not None:
        faults.append(f"count(*) < {int(distinct)}")
    if (t := models.get("t")) is not None and models.get("distance", "equal") == "equal":
        faults.append(f"(sum(abs(n * 1.0 / size - share) - share) + 1) / 2 > {float(t) + _TOLERANCE!r}")
    return (
        f"{key} in (with counted as (select {key} as class_id, {value} as value, count(*) as n"
        f" from {candidate(asked['mart'])} group by all),"
        " shares as (select value, sum(n) * 1.0 / sum(sum(n)) over () as share from counted group by value),"
        " sized as (select counted.*, share, sum(n) over (partition by class_id) as size"
        " from counted join shares using (value))"
        f" select class_id from sized group by class_id having {' or '.join(faults)})"
    )


def _outside(reader: Reader, columns: Sequence[str], asked: Mapping[str, Any]) -> str | None:
    """Labels that no hierarchy declares, that are too fine, or of another level than most."""
    try:
        rule = HierarchyRule.model_validate(asked["rule"])
        tree = declared_hierarchy(asked["column"], rule, fallback=asked["fallback"])
        lowest = tree.level(asked["minimum_level"])
    except (HierarchyFault, ValueError):
        return None
    shown = [
        row[0] for row in reader.rows(f"select distinct {quoted(asked['column'])} from {candidate(asked['mart'])}")
    ]
    allowed = tree.labels[level_of(tree, shown, lowest)]
    return f"{text(asked['column'])} not in ({', '.join(literal(label) for label in allowed)})"


def level_of(tree: Hierarchy, labels: Sequence[str | None], lowest: int) -> int:
    """Return the level that most labels are of, `lowest` or coarser; the finest of equals."""
    found = set(labels)
    return max(range(lowest, tree.levels), key=lambda level: (len(found & set(tree.labels[level])), -level))


def _unknown(reader: Reader, columns: Sequence[str], asked: Mapping[str, Any]) -> str:
    """Labels that the hierarchy's seed does not have, and nulls."""
    name = quoted(asked["column"])
    level = quoted(asked["level"] or asked["column"])
    known = f"select cast({level} as varchar) from {restricted(asked['hierarchy'])} where {level} is not null"
    extra = [UNKNOWN_LABEL, *(["*"] if asked["totals"] else [])]
    spared = ", ".join(literal(label) for label in extra)
    return f"{name} is null or (cast({name} as varchar) not in ({known}) and cast({name} as varchar) not in ({spared}))"


def _of_everybody(reader: Reader, columns: Sequence[str], asked: Mapping[str, Any]) -> str | None:
    """Cells with a share that says something about everybody in them."""
    margin = bound("share_margin")
    near = [
        f"(try_cast({quoted(name)} as double) < {margin - _TOLERANCE!r}"
        f" or try_cast({quoted(name)} as double) > {1 - margin + _TOLERANCE!r})"
        for name in asked["shares"]
    ]
    return " or ".join(f"coalesce({one}, false)" for one in near) or None


def _of_classes(columns: Sequence[str], having: str, mart: str) -> str:
    """Return the condition on rows whose class satisfies another."""
    return (
        f"{class_id(columns)} in (select {class_id(columns)} from {candidate(mart)}"
        f" group by {names(columns)} having {having})"
    )


_FINDING: Mapping[str, Callable[[Reader, Sequence[str], Mapping[str, Any]], str | None]] = {
    "k_anonymity": _too_small,
    "singling_out": _rare_rows,
    "told_sizes": _told_too_many,
    "inference": _telling,
    "differencing": changed_by_few,
    "intersection": few_stayed,
    "stability": relabelled,
    "register_join": named,
    "pair_classes": linked,
    "table_audit": complementary,
    "declared_labels": _outside,
    "labels_of_hierarchy": _unknown,
    "cube_inference": _of_everybody,
}
