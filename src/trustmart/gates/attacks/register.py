"""G2, register join: an outside register of everybody, joined on what the published labels say.

The register is everybody whom the mart was made from, with exact values: an attacker who knows that a person is in
the mart at all. A larger register, of people who are not in it, only makes the attacker less sure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trustmart.errors import HierarchyFault
from trustmart.gates.attacks.label_forms import grains_of, label_pairs
from trustmart.gates.attacks.outcome import Attacked, attacked, lacking, unmeasurable
from trustmart.gates.attacks.published import classes, classes_of, missing_columns, records_of
from trustmart.gates.measures_sql import Reader, quoted
from trustmart.gates.report import Finding
from trustmart.gates.thresholds import bound
from trustmart.warehouse.release_history import class_id_of


def register_join(
    reader: Reader,
    *,
    mart: str,
    columns: Mapping[str, Mapping[str, Any]],
    minimum_class_size: int,
    register: str | None = None,
) -> Attacked:
    """Join a register to microdata: best and expected re-identification.

    columns: per quasi-identifier its hierarchy's `rule` (plain values) and `fallback`. register: full name of a table
    with a row per person and exact values under the published names; the mart's records unless given.
    A class of f rows that g people of the register fit is named with probability 1 / max(f, g) (El Emam 2013).
    """
    if missing := missing_columns(reader, mart, columns):
        return lacking("G2", missing)
    try:
        with classes_of(reader, mart, list(columns)) as shown:
            found = reader.rows(_figures(reader, columns, shown, register or records_of(mart)))
    except HierarchyFault:
        return unmeasurable("G2", "no register can be joined: a hierarchy is missing", "trustmart check")
    ((rows, people, best, expected, unmatched),) = found
    if not people:
        return unmeasurable("G2", "no register can be joined: the mart's records are empty", "trustmart transform")
    best, expected = float(best or 0), float(expected or 0) / (int(rows or 0) or 1)
    allowed = max(bound("maximum_risk"), 1 / minimum_class_size)
    return attacked(
        "G2",
        [
            _above("somebody with a register names a person with probability", best, allowed),
            _above("somebody with a register names this share of the rows:", expected, bound("expected_reidentified")),
            _strangers(int(unmatched or 0)),
        ],
        best_reidentification=round(best, 6),
        expected_reidentification=round(expected, 6),
        register_people=int(people),
        classes_of_nobody=int(unmatched or 0),
    )


def _figures(reader: Reader, columns: Mapping[str, Mapping[str, Any]], shown: str, register: str) -> str:
    """Return the query of the attack's figures."""
    return (
        f"{_classes(reader, columns, shown, register)}"
        " select (select sum(published) from shown), (select sum(people) from alike),"
        " max(1.0 / greatest(published, people)), sum(published * 1.0 / greatest(published, people)),"
        " sum(case when people = 0 then 1 else 0 end) from classes"
    )


def classes_named(reader: Reader, mart: str, columns: Mapping[str, Mapping[str, Any]], minimum_class_size: int) -> str:
    """Return the query of the classes that make a register name somebody, or that fit nobody; raises HierarchyFault.

    Where too many are named on the whole, the smallest classes are among them, until the rest is within the bound.
    """
    allowed = max(bound("maximum_risk"), 1 / minimum_class_size) + 1e-9
    rest = "order by greatest(published, people) desc, class_id rows unbounded preceding"
    return (
        f"{_classes(reader, columns, f'({classes(mart, columns)})', records_of(mart))}, added as (select *,"
        f" sum(published * 1.0 / greatest(published, people)) over ({rest}) / sum(published) over ({rest}) as expected"
        " from classes) select class_id from added"
        f" where people = 0 or 1.0 / greatest(published, people) > {allowed!r}"
        f" or expected > {bound('expected_reidentified') + 1e-9!r}"
    )


def _classes(reader: Reader, columns: Mapping[str, Mapping[str, Any]], shown: str, register: str) -> str:
    """Return `with … classes`: people to who is alike, raw values to labels, boxes of labels to published classes.

    Values that fit the same published labels cannot be told apart: where that is seen from how labels are made, people
    are counted together at once, with one value that stands for theirs.
    """
    grains, alike = [], []
    for place, (column, asked) in enumerate(columns.items()):
        labels = f"(select distinct {quoted(column)} as label from {shown} as shown)"
        found = grains_of(reader, column, asked["rule"], labels)
        grains += found
        alike.append(f"{quoted(column) if found == [quoted(column)] else f'min({quoted(column)})'} as value_{place}")
    named = class_id_of(f"s.{quoted(column)}" for column in columns)
    steps = [
        f"shown as (select * from {shown} as classes)",
        f"alike as (select {', '.join(alike)}, count(*) as people from {register} group by {', '.join(grains)})",
        *(step for place, (column, asked) in enumerate(columns.items()) for step in _sets(place, column, asked)),
        f"boxes as ({_boxes(len(columns))})",
        f"fitting as ({_fitting(list(columns))})",
        f"classes as (select {named} as class_id, s.published, coalesce(f.people, 0) as people from shown as s"
        f" left join fitting as f on {' and '.join(f's.{quoted(column)} = f.{quoted(column)}' for column in columns)})",
    ]
    return f"with {', '.join(steps)}"


def _sets(place: int, column: str, asked: Mapping[str, Any]) -> list[str]:
    """Return the steps from a column's values to sets of published labels: what fits the same shares a set's number."""
    return [
        f"values_{place} as (select distinct value_{place} as value from alike)",
        f"pairs_{place} as ({label_pairs(column, asked['rule'], asked.get('fallback'), f'values_{place}')})",
        f"fit_{place} as (select distinct p.value, p.label from pairs_{place} as p"
        f" join (select distinct {quoted(column)} as label from shown) as s on s.label = p.label)",
        f"sets_{place} as (select value, cast(dense_rank() over (order by fits) as integer) as fits from"
        f" (select value, list_sort(list(label)) as fits from fit_{place} group by value) as listed)",
        f"labels_{place} as (select distinct s.fits, f.label from sets_{place} as s"
        f" join fit_{place} as f on f.value is not distinct from s.value)",
    ]


def _boxes(columns: int) -> str:
    """Return the query of how many people are in each combination of sets."""
    fits = ", ".join(f"sets_{place}.fits as fits_{place}" for place in range(columns))
    joins = " ".join(
        f"join sets_{place} on sets_{place}.value is not distinct from a.value_{place}" for place in range(columns)
    )
    return f"select {fits}, sum(a.people) as people from alike as a {joins} group by all"


def _fitting(columns: Sequence[str]) -> str:
    """Return the query of how many people fit each combination of published labels."""
    labels = ", ".join(f"labels_{place}.label as {quoted(column)}" for place, column in enumerate(columns))
    joins = " ".join(f"join labels_{place} on labels_{place}.fits = b.fits_{place}" for place in range(len(columns)))
    return f"select {labels}, sum(b.people) as people from boxes as b {joins} group by all"


def _above(what: str, found: float, allowed: float) -> Finding | None:
    """Say that a probability is too high."""
    if found <= allowed + 1e-9:
        return None
    return Finding(
        what=f"{what} {found:.4f}, at most {allowed:.4f} is allowed",
        count=1,
        next_step="coarsen a quasi-identifier, so that classes are larger",
    )


def _strangers(classes: int) -> Finding | None:
    """Say that some classes stand for nobody of the register."""
    if not classes:
        return None
    return Finding(
        what=f"{classes} classes fit nobody that the mart was made from",
        count=classes,
        next_step="look where these rows come from; a mart's rows are made by its door from tonight's records",
    )
