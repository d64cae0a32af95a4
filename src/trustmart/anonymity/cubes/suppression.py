"""Which cells of a cube stay back, so that nothing about few people can be read or worked out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from trustmart.anonymity.cubes.attacks import determine, narrow, subtract
from trustmart.anonymity.cubes.relations import ROLLED, Labels, Relations, relate


class Reason(StrEnum):
    """Why a cell stays back."""

    TOO_FEW = "too_few"
    DOMINANCE = "dominance"
    COMPLEMENTARY = "complementary"
    MARGIN_WITHDRAWN = "margin_withdrawn"


@dataclass(frozen=True, kw_only=True)
class Cube:
    """All cells of a cube, margins included, parallel.

    labels: `*` where a margin sums over a column. people: distinct people. records: a figure that is additive.
    slack: cells x sums, how far each sum passes the p %-rule (below 0: it does not). one_cell_each: every person is in
    one finest cell only, so that people add up. seen: was published before; others are withheld sooner. known: and its
    people are still those that it was published with, so that to withhold it tonight hides nothing.
    """

    labels: Sequence[Labels]
    people: np.ndarray
    records: np.ndarray
    slack: np.ndarray
    one_cell_each: bool
    seen: np.ndarray | None = None
    known: np.ndarray | None = None

    @property
    def cost(self) -> np.ndarray:
        """Return what it costs to withhold a cell: its people, and more than all others where readers had it before."""
        seen = np.zeros(len(self.people), dtype=bool) if self.seen is None else self.seen
        return np.asarray(self.people + seen * (int(self.people.sum()) + 1))

    @property
    def additive(self) -> np.ndarray:
        """Return the counts that a reader can subtract."""
        return self.people if self.one_cell_each else self.records

    def in_order(self, order: np.ndarray) -> "Cube":
        """Return the same cube with its cells in another order."""
        return Cube(
            labels=[self.labels[place] for place in order],
            people=self.people[order],
            records=self.records[order],
            slack=self.slack[order],
            one_cell_each=self.one_cell_each,
            seen=None if self.seen is None else self.seen[order],
            known=None if self.known is None else self.known[order],
        )


def withhold(cube: Cube, *, k: int, seed: int = 0) -> list[Reason | None]:
    """Return, per cell, why it stays back; None where it may be published.

    Cells of fewer than k people and dominated sums go first (CMS cell size policy; Hundepool et al. 2012). Then,
    until nothing is left to find: no line may hide one cell alone, what a margin leaves over beside its published parts
    must be safe itself, no combination of lines may determine a withheld cell, and no large unsafe cell may be
    known within 10 %. What else goes is the cheapest cell of the line, the margin only where no part is left.
    First as for a reader who remembers unchanged cells of earlier releases, as far as that can be helped; then, without
    exception, as for one who reads tonight's. The answer does not depend on the order of the cells.
    """
    order = np.array(sorted(range(len(cube.labels)), key=lambda cell: repr(cube.labels[cell])), dtype=np.int64)
    found = _withhold(cube.in_order(order), k, seed)
    reasons: list[Reason | None] = [None] * len(order)
    for place, reason in zip(order, found, strict=True):
        reasons[place] = reason
    return reasons


def _withhold(cube: Cube, k: int, seed: int) -> list[Reason | None]:
    """Return why cells stay back, of a cube whose cells are in order."""
    too_few = cube.people < k
    dominated = ~too_few & (cube.slack < 0).any(axis=1)
    primary = too_few | dominated
    withheld = primary.copy()
    relations = relate(cube.labels, cube.cost)
    nothing = np.zeros(len(withheld), dtype=bool)
    remembered = [] if cube.known is None or not cube.known.any() else [cube.known]
    for known in (*remembered, nothing):
        while len(relations.margin) and (more := _more(cube, relations, withheld, known, primary, k, seed)).any():
            withheld |= more
    return [
        None if not gone else Reason.TOO_FEW if few else Reason.DOMINANCE if large else _complement(labels)
        for gone, few, large, labels in zip(withheld, too_few, dominated, cube.labels, strict=True)
    ]


def reasons_counted(reasons: Sequence[Reason | None]) -> dict[str, int]:
    """Count cells by why they stay back."""
    counted = Counter(reason for reason in reasons if reason is not None)
    return {reason.value: counted[reason] for reason in Reason}


def _complement(labels: Labels) -> Reason:
    """Name a cell that goes for the sake of others."""
    rolled = any(isinstance(label, str) and label == ROLLED for label in labels)
    return Reason.MARGIN_WITHDRAWN if rolled else Reason.COMPLEMENTARY


def _more(
    cube: Cube,
    relations: Relations,
    withheld: np.ndarray,
    known: np.ndarray,
    primary: np.ndarray,
    k: int,
    seed: int,
) -> np.ndarray:
    """Return the cells that must go as well; the cheap attacks first, the dear ones once those find nothing."""
    hidden = withheld & ~known
    price = _prices(cube, relations, withheld | known)
    lines = (relations.count(hidden[relations.cell]) == 1) | _unsafe_rests(cube, relations, hidden, k)
    if (lines & np.isfinite(price)).any():
        return _cheapest(relations, withheld | known, lines)
    found = determine(relations, hidden, np.random.default_rng(seed)) & hidden
    found = found if found.any() else narrow(relations, hidden, primary, cube.additive)
    lines = _one_line_each(relations, price, found)
    if found.any() and not lines.any():
        # What gives the cell away is in lines further off: every line that hides anything hides one cell more.
        lines = relations.count(hidden[relations.cell]) > 0
    return _cheapest(relations, withheld | known, lines)


def _unsafe_rests(cube: Cube, relations: Relations, hidden: np.ndarray, k: int) -> np.ndarray:
    """Return the lines whose margin, less its published parts, is a figure about too few people.

    Where a person is in several cells, the largest withheld part is all that is sure of how many they are together.
    """
    parts = hidden[relations.cell] & ~relations.is_margin
    line, cell = relations.line[parts], relations.cell[parts]
    people = np.zeros(len(relations.margin))
    (np.add if cube.one_cell_each else np.maximum).at(people, line, cube.people[cell])
    room = np.zeros((len(relations.margin), cube.slack.shape[1]))
    np.add.at(room, line, cube.slack[cell])
    unsafe = (people < k) | (room < 0).any(axis=1)
    return np.asarray(unsafe & (relations.count(parts) > 0) & ~hidden[relations.margin])


def _cheapest(relations: Relations, closed: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Return the cheapest open cell of each line: its smallest part, its margin only where no part is left."""
    entries = np.flatnonzero(~closed[relations.cell] & lines[relations.line])
    _, first = np.unique(relations.line[entries], return_index=True)
    chosen = np.zeros(relations.cells, dtype=bool)
    chosen[relations.cell[entries[first]]] = True
    return chosen


def _prices(cube: Cube, relations: Relations, closed: np.ndarray) -> np.ndarray:
    """Return, per line, what its cheapest open cell costs; a margin costs more than any part."""
    price = np.full(len(relations.margin), np.inf)
    entries = np.flatnonzero(~closed[relations.cell])
    lines, first = np.unique(relations.line[entries], return_index=True)
    cheapest = entries[first]
    price[lines] = cube.cost[relations.cell[cheapest]] + relations.is_margin[cheapest] * float(cube.cost.sum() + 1)
    return price


def _one_line_each(relations: Relations, price: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return, for each cell found, its line in which the least is lost by withholding one more cell."""
    lines = np.zeros(len(relations.margin), dtype=bool)
    entries = np.flatnonzero(found[relations.cell] & np.isfinite(price[relations.line]))
    order = entries[np.lexsort((relations.line[entries], price[relations.line[entries]], relations.cell[entries]))]
    _, first = np.unique(relations.cell[order], return_index=True)
    lines[relations.line[order[first]]] = True
    return lines


def recovered_by_subtraction(cube: Cube, reasons: Sequence[Reason | None]) -> int:
    """Count the withheld cells that come back by subtraction: 0 after `withhold`."""
    withheld = np.array([reason is not None for reason in reasons], dtype=bool)
    return int(subtract(relate(cube.labels, cube.people), withheld).sum())
