"""What a reader could work out from a published cube, reckoned from what is published and from what is true."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from trustmart.anonymity.cubes.attacks import determine, narrow, subtract
from trustmart.anonymity.cubes.relations import Labels, columns_kept, relate, rolled_up


@dataclass(frozen=True, kw_only=True)
class Audit:
    """How many cells are withheld, and how many of those must be hidden but are not.

    recovered: by repeated subtraction. determined: by any combination of lines (recovered ones among them).
    narrow: of the largest, those known within 10 %.
    """

    withheld: int
    recovered: int
    determined: int
    narrow: int


def audit(finest: Mapping[Labels, float], published: Collection[Labels], *, k: float, largest: int = 10) -> Audit:
    """Attack a cube: subtraction, linear algebra, intervals (the release gate's table audit).

    finest: the true additive count (people, where each is in one cell only, or records) of every finest cell, published
    or not. published: labels of the published rows, `*` where a row sums over a column; labels as they are published
    in both. k: a withheld cell of fewer must be hidden; one of k or more is safe to know. Counts are at least 0.
    Raises TableUnfit where the reckoning does not converge.
    """
    totals: dict[Labels, float] = dict(finest)
    sets = {columns_kept(labels) for labels in published} - {columns_kept(labels) for labels in finest}
    for labels, count in finest.items():
        for kept in sets:
            margin = rolled_up(labels, kept)
            totals[margin] = totals.get(margin, 0) + count
    values = np.array(list(totals.values()), dtype=float)
    withheld = np.array([labels not in published for labels in totals], dtype=bool)
    relations = relate(list(totals), values)
    hidden = withheld & (values < k)
    return Audit(
        withheld=int(withheld.sum()),
        recovered=int((subtract(relations, withheld) & hidden).sum()),
        determined=int((determine(relations, withheld, np.random.default_rng(0)) & hidden).sum()),
        narrow=int(narrow(relations, withheld, hidden, values, largest=largest).sum()),
    )
