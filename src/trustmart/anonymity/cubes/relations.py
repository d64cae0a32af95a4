"""What every reader of a cube knows: a margin is the sum of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ROLLED = "*"

Labels = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Relations:
    """Lines of a cube, side by side: one margin each, and all cells of one finer set of columns that it is the sum of.

    line, cell: parallel arrays, one entry for every cell in a line, margins included; within a line the cheapest
    cell stands first and the margin last. margin: the margin's cell, per line. cells: their number.
    """

    line: np.ndarray
    cell: np.ndarray
    margin: np.ndarray
    cells: int

    @property
    def is_margin(self) -> np.ndarray:
        """Return, per entry, whether it is its line's margin."""
        return np.asarray(self.margin[self.line] == self.cell)

    def count(self, chosen: np.ndarray) -> np.ndarray:
        """Return how many entries of each line are chosen; `chosen` is one truth per entry."""
        return np.bincount(self.line[chosen], minlength=len(self.margin))


def columns_kept(labels: Labels) -> tuple[int, ...]:
    """Return the places of the columns that a cell does not sum over."""
    return tuple(place for place, label in enumerate(labels) if not _is_rolled(label))


def relate(labels: Sequence[Labels], cost: np.ndarray) -> Relations:
    """Find the lines between all sets of columns that a cube publishes.

    labels: per cell, `*` where it sums over a column. cost: per cell, what it costs to withhold it.
    """
    by_columns: dict[tuple[int, ...], list[int]] = {}
    for cell, one in enumerate(labels):
        by_columns.setdefault(columns_kept(one), []).append(cell)
    index = {one: cell for cell, one in enumerate(labels)}
    lines: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for coarse in by_columns:
        for fine, parts in by_columns.items():
            if set(coarse) < set(fine):
                for part in parts:
                    margin = index.get(rolled_up(labels[part], coarse))
                    if margin is not None:
                        lines.setdefault((margin, fine), []).append(part)
    margins = np.array([margin for margin, _ in lines], dtype=np.int64)
    return _laid_out(margins, list(lines.values()), cost)


def rolled_up(labels: Labels, kept: Sequence[int]) -> Labels:
    """Return the labels of the margin that a cell belongs to."""
    return tuple(label if place in kept else ROLLED for place, label in enumerate(labels))


def _is_rolled(label: Any) -> bool:
    """Return whether a label says `all`."""
    return isinstance(label, str) and label == ROLLED


def _laid_out(margins: np.ndarray, parts: Sequence[Sequence[int]], cost: np.ndarray) -> Relations:
    """Lay lines side by side, cheapest cell first, margin last."""
    sizes = np.array([len(one) for one in parts], dtype=np.int64)
    line = np.concatenate([np.repeat(np.arange(len(parts)), sizes), np.arange(len(parts))]).astype(np.int64)
    cell = np.concatenate([np.array(one, dtype=np.int64) for one in parts] + [margins]).astype(np.int64)
    last = np.concatenate([np.zeros(int(sizes.sum()), dtype=bool), np.ones(len(parts), dtype=bool)])
    order = np.lexsort((cell, cost[cell], last, line))
    return Relations(line=line[order], cell=cell[order], margin=margins, cells=len(cost))
