"""Open cubes: nothing about few people can be read, subtracted or solved for."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from support.cubes import COLUMNS, MARGINS, RECORDS, Record
from trustmart.anonymity.cubes import (
    ROLLED,
    CellFigures,
    Cube,
    Labels,
    Reason,
    audit,
    count_cells,
    interval,
    is_dominated,
    recovered_by_subtraction,
    relate,
    slack,
    subtract,
    withhold,
)

AMOUNTS = st.lists(st.integers(-100, 1000), max_size=8)
Cells = dict[Labels, CellFigures]


def cube_of(cells: Cells, *, percent: float | None = None) -> Cube:
    """Return counted cells as what the suppression works on."""
    finest = [figures for labels, figures in cells.items() if ROLLED not in labels]
    everybody = set().union(*(figures.people for figures in finest))
    passes = [[] if percent is None else [figures.slack("amount", percent)] for figures in cells.values()]
    return Cube(
        labels=list(cells),
        people=np.array([len(figures.people) for figures in cells.values()]),
        records=np.array([figures.records for figures in cells.values()]),
        slack=np.array(passes, dtype=float).reshape(len(cells), -1),
        one_cell_each=sum(len(figures.people) for figures in finest) == len(everybody),
    )


def solve(cells: Cells, published: set[Labels]) -> set[Labels]:
    """Return the withheld cells that exact linear algebra gives back: each cell as a sum of finest cells, and ranks."""
    finest = [labels for labels in cells if ROLLED not in labels]
    rows = [indicator(labels, finest) for labels in published]
    basis = eliminated(rows)
    return {
        labels for labels in cells if labels not in published and not any(reduced(indicator(labels, finest), basis))
    }


def indicator(labels: Labels, finest: Sequence[Labels]) -> list[Fraction]:
    """Return which finest cells a cell is the sum of."""
    return [
        Fraction(all(mine in (ROLLED, its) for mine, its in zip(labels, one, strict=True)) or labels == one)
        for one in finest
    ]


def eliminated(rows: list[list[Fraction]]) -> dict[int, list[Fraction]]:
    """Return an echelon basis of rows, by the place of its first entry."""
    basis: dict[int, list[Fraction]] = {}
    for row in rows:
        rest = reduced(row, basis)
        first = next((place for place, value in enumerate(rest) if value), None)
        if first is not None:
            basis[first] = [value / rest[first] for value in rest]
    return basis


def reduced(row: list[Fraction], basis: dict[int, list[Fraction]]) -> list[Fraction]:
    """Return what a basis leaves of a row."""
    for place in sorted(basis):
        if row[place]:
            factor = row[place]
            row = [value - factor * other for value, other in zip(row, basis[place], strict=True)]
    return row


@settings(deadline=None)
@given(records=RECORDS, margins=MARGINS, k=st.integers(2, 6))
def test_no_withheld_cell_can_be_solved_for(records: list[Record], margins: set[tuple[str, ...]], k: int) -> None:
    """S12: no combination of published cells and margins is a withheld cell."""
    cells = count_cells(records, COLUMNS, margins=margins)
    reasons = withhold(cube_of(cells), k=k)
    published = {labels for labels, reason in zip(cells, reasons, strict=True) if reason is None}
    assert all(len(cells[labels].people) >= k for labels in published)
    assert solve(cells, published) == set()
    assert recovered_by_subtraction(cube_of(cells), reasons) == 0


@settings(deadline=None)
@given(records=RECORDS, margins=MARGINS, k=st.integers(2, 6))
def test_what_a_margin_leaves_over_is_nobody_or_enough_people(
    records: list[Record], margins: set[tuple[str, ...]], k: int
) -> None:
    """S12: a margin less its published parts is a figure of its own, and it is about k people or nobody."""
    cells = count_cells(records, COLUMNS, margins=margins)
    reasons = dict(zip(cells, withhold(cube_of(cells), k=k), strict=True))
    for labels in (one for one, reason in reasons.items() if reason is None and ROLLED in one):
        for kept in {frozenset(COLUMNS), *(frozenset(margin) for margin in margins)}:
            if {column for column, label in zip(COLUMNS, labels, strict=True) if label != ROLLED} < kept:
                rest = set().union(*(cells[one].people for one in parts(cells, labels, kept) if reasons[one]))
                assert not rest or len(rest) >= k


def parts(cells: Cells, labels: Labels, kept: frozenset[str]) -> list[Labels]:
    """Return the cells of a finer set of columns that a margin is the sum of."""
    return [
        one
        for one in cells
        if all((label == ROLLED) == (column not in kept) for column, label in zip(COLUMNS, one, strict=True))
        and all(mine in (ROLLED, its) for mine, its in zip(labels, one, strict=True))
    ]


@settings(deadline=None)
@given(records=RECORDS, margins=MARGINS, k=st.integers(2, 4), percent=st.integers(1, 60))
def test_no_dominated_sum_is_published_or_left_over(
    records: list[Record], margins: set[tuple[str, ...]], k: int, percent: int
) -> None:
    """S12: a cell whose sum gives its largest contributor away stays back, and cannot be solved for."""
    cells = count_cells(records, COLUMNS, margins=margins, amounts=["amount"])
    reasons = withhold(cube_of(cells, percent=percent), k=k)
    published = {labels for labels, reason in zip(cells, reasons, strict=True) if reason is None}
    assert all(cells[labels].slack("amount", percent) >= 0 for labels in published)
    assert solve(cells, published) == set()


@settings(deadline=None, max_examples=30)
@given(records=RECORDS, margins=MARGINS, k=st.integers(2, 6))
def test_the_true_value_is_within_its_interval(records: list[Record], margins: set[tuple[str, ...]], k: int) -> None:
    """S12: what a reader can say about a withheld cell is never wrong, and never narrower than 10 % for unsafe ones."""
    cells = count_cells(records, COLUMNS, margins=margins)
    cube = cube_of(cells)
    reasons = withhold(cube, k=k)
    withheld = np.array([reason is not None for reason in reasons])
    relations = relate(cube.labels, cube.people)
    unsafe = [place for place, reason in enumerate(reasons) if reason is Reason.TOO_FEW]
    for place in sorted(unsafe, key=lambda one: -cube.additive[one])[:3]:
        low, high = interval(relations, withheld, place, cube.additive)
        assert low - 1e-6 <= cube.additive[place] <= high + 1e-6
        assert high - low >= 0.1 * cube.additive[place] or place not in set(relations.cell)


@given(amounts=AMOUNTS, percent=st.integers(1, 100))
def test_the_second_largest_cannot_estimate_the_largest(amounts: list[int], percent: int) -> None:
    """S12: the p %-rule as it is written: total - largest - second largest < p/100 x largest."""
    sizes = sorted(map(abs, amounts), reverse=True) + [0, 0]
    assert is_dominated(amounts, percent) == (100 * (sum(sizes) - sizes[0] - sizes[1]) < percent * sizes[0])


@given(one=AMOUNTS, other=AMOUNTS, percent=st.integers(1, 100))
def test_two_safe_sums_are_safe_together(one: list[int], other: list[int], percent: int) -> None:
    """S12: what is left over of a line is judged by the sum of its cells' room; the truth never has less."""
    assert slack(one + other, percent) >= slack(one, percent) + slack(other, percent)


@settings(deadline=None)
@given(records=RECORDS, later=RECORDS, changed=st.sampled_from(["a", "b"]), margins=MARGINS, k=st.integers(2, 6))
def test_what_did_not_change_since_the_last_release_gives_nothing_away(
    records: list[Record], later: list[Record], changed: str, margins: set[tuple[str, ...]], k: int
) -> None:
    """S12: the next release hides no other cells than the last where it need not, and so does not tell both."""
    records = [{**record, "subject_id": f"first {number}"} for number, record in enumerate(records)]
    later = [{**record, "subject_id": f"later {number}"} for number, record in enumerate(later)]
    before = count_cells(records, COLUMNS, margins=margins)
    first = withhold(cube_of(before), k=k)
    published = {labels for labels, reason in zip(before, first, strict=True) if reason is None}
    same = [record for record in records if record["region"] != changed]
    now = count_cells([*same, *(one for one in later if one["region"] == changed)], COLUMNS, margins=margins)
    if not now:
        return
    known = {labels for labels in published if labels in now and now[labels].people == before[labels].people}
    seen = np.array([labels in published for labels in now])
    cube = replace(cube_of(now), seen=seen, known=np.array([labels in known for labels in now]))
    shown = {labels for labels, reason in zip(now, withhold(cube, k=k), strict=True) if reason is None}
    assert cube.one_cell_each
    assert solve(now, shown) == set()
    assert not solve(now, shown | known)


@settings(deadline=None)
@given(records=RECORDS, margins=MARGINS, k=st.integers(2, 6))
def test_the_audit_finds_what_exact_algebra_finds(records: list[Record], margins: set[tuple[str, ...]], k: int) -> None:
    """S12: the gate's audit, on cubes that only hide small cells, counts the cells that come back."""
    cells = count_cells(records, COLUMNS, margins=margins)
    small = {labels for labels, figures in cells.items() if figures.records < k}
    found = audit(
        {labels: figures.records for labels, figures in cells.items() if ROLLED not in labels},
        cells.keys() - small,
        k=k,
    )
    solved = solve(cells, set(cells.keys() - small))
    assert found.determined == len(solved & set(kept_sets(cells, small)))
    assert found.recovered <= found.determined <= found.withheld


def kept_sets(cells: Cells, small: set[Labels]) -> list[Labels]:
    """Return the cells of the sets of columns that are published at all, and the finest ones."""
    shape = {tuple(label == ROLLED for label in labels) for labels in cells.keys() - small}
    return [one for one in cells if ROLLED not in one or tuple(label == ROLLED for label in one) in shape]


# Two regions and two bands; one cell has 3 people.
PLANTED: dict[str, dict[str, int]] = {"north": {"young": 3, "old": 20}, "south": {"young": 15, "old": 30}}


def planted() -> Cells:
    """Return a cube of people with both margins and the total."""
    rows: list[Any] = []
    for region, bands in PLANTED.items():
        for band, people in bands.items():
            rows += [{"subject_id": f"{region} {band} {n}", "region": region, "band": band} for n in range(people)]
    return count_cells(rows, ["region", "band"], margins=[("region",), ("band",), ()])


def test_a_cell_of_three_comes_back_without_complementary_suppression() -> None:
    """S12: withheld alone, a cell of 3 people is the margin less its neighbour (so the laws here can fail)."""
    cells = planted()
    published = {labels for labels, figures in cells.items() if len(figures.people) >= 11}
    withheld = np.array([labels not in published for labels in cells])
    assert solve(cells, published) == {("north", "young")}
    cube = cube_of(cells)
    assert subtract(relate(cube.labels, cube.people), withheld).sum() == 1


def test_the_cheapest_neighbours_go_with_it() -> None:
    """S12: with it go three cells, and both margins and the total stay."""
    cells = planted()
    reasons = dict(zip(cells, withhold(cube_of(cells), k=11), strict=True))
    assert {labels for labels, reason in reasons.items() if reason} == {
        (region, band) for region in PLANTED for band in PLANTED[region]
    }


def test_a_cell_behind_a_bridge_is_found_and_protected() -> None:
    """S12: two withheld cells in every line are not enough; lines together can still determine one."""
    people = {(row, column): 20 for row in "abcdef" for column in "uvwxyz"}
    small = [*["au", "av", "bu", "bv"], *["dx", "dy", "ex", "ey"], "cu", "cx"]
    people |= {(one[0], one[1]): 4 for one in small}
    rows = [
        {"subject_id": f"{cell} {n}", "row": cell[0], "column": cell[1]}
        for cell, size in people.items()
        for n in range(size)
    ]
    cells = count_cells(rows, ["row", "column"], margins=[("row",), ("column",), ()])
    published = {labels for labels, figures in cells.items() if len(figures.people) >= 5}
    assert subtract_all(cells, published) == 0
    assert solve(cells, published) == {("c", "u"), ("c", "x")}
    reasons = withhold(cube_of(cells), k=5)
    assert solve(cells, {one for one, reason in zip(cells, reasons, strict=True) if reason is None}) == set()


def subtract_all(cells: Cells, published: set[Labels]) -> int:
    """Count what subtraction alone gives back."""
    cube = cube_of(cells)
    return int(subtract(relate(cube.labels, cube.people), np.array([one not in published for one in cells])).sum())
