"""What a reader can work out about the cells that a cube withholds."""

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import lsmr

from trustmart.anonymity.cubes.relations import Relations
from trustmart.errors import TableUnfit

# Up to this many unknowns a component is solved directly; beyond, step by step (the same answer, checked).
_DIRECT = 400
_ZERO = 1e-6


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
    involved = np.zeros(relations.cells, dtype=bool)
    involved[relations.cell] = True
    hidden = np.flatnonzero(primary & withheld & involved)
    for cell in hidden[np.argsort(-values[hidden], kind="stable")][:largest]:
        low, high = interval(relations, withheld, int(cell), values)
        found[cell] = high - low < 0.1 * abs(values[cell])
    return found


def _components(relations: Relations, withheld: np.ndarray) -> Iterator[tuple[np.ndarray, csr_matrix]]:
    """Yield withheld cells that hang together, and their lines as a matrix (parts +1, margin -1)."""
    hidden = withheld[relations.cell]
    if not hidden.any():
        return
    sign = np.where(relations.is_margin, -1.0, 1.0)
    matrix = coo_matrix(
        (sign[hidden], (relations.line[hidden], relations.cell[hidden])), shape=(len(relations.margin), relations.cells)
    ).tocsr()
    _, names = connected_components(abs(matrix.T) @ abs(matrix), directed=False)
    cells = np.unique(relations.cell[hidden])
    for name in np.unique(names[cells]):
        together = cells[names[cells] == name]
        columns = matrix[:, together]
        yield together, columns[np.flatnonzero(columns.getnnz(axis=1))]


def _random_change(lines: csr_matrix, random: np.random.Generator) -> np.ndarray:
    """Return a random change of the unknowns that keeps every line true."""
    drawn = random.standard_normal(lines.shape[1])
    if max(lines.shape) <= _DIRECT:
        away = np.linalg.lstsq(lines.toarray(), lines @ drawn, rcond=None)[0]
    else:
        away = lsmr(lines, lines @ drawn, atol=1e-14, btol=1e-14, conlim=0, maxiter=20 * sum(lines.shape))[0]
    change = np.asarray(drawn - away)
    if np.abs(lines @ change).max() > _ZERO / 100:
        raise TableUnfit("what its margins give away cannot be reckoned: publish fewer margins")
    return change


def _extreme(goal: np.ndarray, lines: csr_matrix, total: np.ndarray, least: float | None) -> float:
    """Return the least value of a goal within the lines; minus infinity where nothing bounds it."""
    solved = linprog(goal, A_eq=lines, b_eq=total, bounds=(least, None), method="highs")
    if solved.status == 3:
        return -np.inf
    if solved.status != 0:
        raise TableUnfit("what its margins give away cannot be reckoned: publish fewer margins")
    return float(solved.fun)
