"""What a reader can work out about the cells that a cube withholds."""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import bmat, coo_matrix, csr_matrix, identity
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from trustmart.anonymity.cubes.relations import Relations
from trustmart.errors import TableUnfit

# What counts as no change; changes are drawn from a normal distribution.
_ZERO = 1e-6
# Lines may say the same twice, so the system is damped, and solved again for what is left.
_DAMPING = 1e-7
_ROUNDS = 200
# How many cells around one are moved before all of them are.
_REACHES = (100, 1000)


def subtract(relations: Relations, withheld: np.ndarray) -> np.ndarray:
    """Return, per cell, whether repeated subtraction gives it back: the attack that needs nothing but patience.

    A line in which one cell alone is withheld gives that cell; then it is known in its other lines.
    """
    unknown = withheld.copy()
    while True:
        hidden = unknown[relations.cell]
        lone = hidden & (relations.count(hidden)[relations.line] == 1)
        if not lone.any():
            return withheld & ~unknown
        unknown[relations.cell[lone]] = False


def determine(relations: Relations, withheld: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return, per cell, whether the lines together leave a withheld cell one value only.

    Every combination of lines is covered, not only single lines: a cell is determined exactly where all ways of
    changing the withheld cells that keep every line true leave it as it is; one way, drawn at random among all of
    them, changes every cell that is not determined (but for chances of measure zero, which would withhold more).
    Raises TableUnfit where the reckoning does not converge.
    """
    found = np.zeros(relations.cells, dtype=bool)
    for cells, lines in _components(relations, withheld):
        change = _random_change(lines, random)
        found[cells] = np.abs(change) < _ZERO
    return found


def interval(
    relations: Relations, withheld: np.ndarray, cell: int, values: np.ndarray, least: float | None = 0
) -> tuple[float, float]:
    """Return the lowest and the highest value that a withheld cell can have, as far as the lines say.

    values: the true value of every cell, additive over lines (people where each is in one cell, records, sums).
    least: what a reader knows that no cell is below of, None for nothing. The highest may be infinite.
    """
    for cells, lines in _components(relations, withheld):
        if cell in cells:
            goal = (cells == cell).astype(float)
            total = lines @ values[cells]
            low, high = (_extreme(sign * goal, lines, total, least) for sign in (1, -1))
            return low, -high
    if not withheld[cell]:
        return float(values[cell]), float(values[cell])
    return -np.inf if least is None else least, np.inf


def narrow(
    relations: Relations, withheld: np.ndarray, primary: np.ndarray, values: np.ndarray, *, largest: int = 10
) -> np.ndarray:
    """Return, per cell, whether it is among the largest that must be hidden and its interval is narrower than 10 %.

    primary: cells that are unsafe themselves. Complementary cells are safe to know, so they need no interval.
    """
    found = np.zeros(relations.cells, dtype=bool)
    hidden = primary & withheld
    chosen = set(np.flatnonzero(hidden)[np.argsort(-values[hidden], kind="stable")][:largest].tolist())
    for cells, lines in _components(relations, withheld):
        for place in np.flatnonzero(np.isin(cells, list(chosen))):
            found[cells[place]] = not _is_wide(lines, int(place), values[cells])
    return found


def _is_wide(lines: csr_matrix, place: int, values: np.ndarray) -> bool:
    """Return whether a cell may be 10 % more or less than it is.

    Cells far off are first held to their true values: what is possible near by is possible, and found much sooner.
    """
    for reach in (*_REACHES, len(values)):
        near = _near(lines, place, reach)
        part = lines[:, near]
        part = part[np.flatnonzero(part.getnnz(axis=1))]
        goal = (near == place).astype(float)
        total = part @ values[near]
        needed = 0.1 * abs(values[place])
        above = -_extreme(-goal, part, total, 0) - values[place]
        if above >= needed or above + values[place] - _extreme(goal, part, total, 0) >= needed:
            return True
        if len(near) == len(values):
            return False
    return False


def _near(lines: csr_matrix, place: int, reach: int) -> np.ndarray:
    """Return the cells nearest to one, by the lines between them, at most about so many."""
    touched = np.zeros(lines.shape[1], dtype=bool)
    touched[place] = True
    size = abs(lines)
    while True:
        reached = (size.T @ ((size @ touched) > 0)) > 0
        if reached.sum() == touched.sum():
            return np.flatnonzero(reached)
        if reached.sum() > reach:
            further = np.flatnonzero(reached & ~touched)[: max(reach - int(touched.sum()), 0)]
            return np.sort(np.concatenate([np.flatnonzero(touched), further]))
        touched = reached


def _components(relations: Relations, withheld: np.ndarray) -> Iterator[tuple[np.ndarray, csr_matrix]]:
    """Yield withheld cells that hang together, and their lines as a matrix (parts +1, margin -1)."""
    hidden = withheld[relations.cell]
    if not hidden.any():
        return
    sign = np.where(relations.is_margin, -1.0, 1.0)
    matrix = coo_matrix(
        (sign[hidden], (relations.line[hidden], relations.cell[hidden])), shape=(len(relations.margin), relations.cells)
    ).tocsr()
    # Lines and cells are the two sides of one graph.
    names = connected_components(bmat([[None, matrix], [matrix.T, None]]), directed=False)[1][len(relations.margin) :]
    cells = np.unique(relations.cell[hidden])
    for name in np.unique(names[cells]):
        together = cells[names[cells] == name]
        columns = matrix[:, together]
        yield together, columns[np.flatnonzero(columns.getnnz(axis=1))]


def _random_change(lines: csr_matrix, random: np.random.Generator) -> np.ndarray:
    """Return a random change of the unknowns that keeps every line true (a projection onto the lines' null space)."""
    change = random.standard_normal(lines.shape[1])
    solver = splu((lines @ lines.T + _DAMPING * identity(lines.shape[0])).tocsc())
    for _ in range(_ROUNDS):
        left = lines @ change
        if np.abs(left).max() < _ZERO / 1000:
            return change
        change = change - lines.T @ solver.solve(left)
    raise TableUnfit("what its margins give away cannot be reckoned: publish fewer margins")


def _extreme(goal: np.ndarray, lines: csr_matrix, total: np.ndarray, least: float | None) -> float:
    """Return the least value of a goal within the lines; minus infinity where nothing bounds it."""
    solved = linprog(goal, A_eq=lines, b_eq=total, bounds=(least, None), method="highs")
    if solved.status == 3:
        return -np.inf
    if solved.status != 0:
        raise TableUnfit("what its margins give away cannot be reckoned: publish fewer margins")
    return float(solved.fun)
