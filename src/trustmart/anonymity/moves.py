"""What would release a mart that is held, and what it would cost its readers: measured changes, the cheapest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ChangeKind(StrEnum):
    """What can be done to a mart. None of them lets anybody be known better."""

    MAKE_AGAIN = "make_again"
    COARSEN = "coarsen"
    SUPPRESS = "suppress"
    DROP_TOTALS = "drop_totals"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Change:
    """One thing done to a mart.

    column: which one, for coarsen and drop; for totals the columns that they are by, in a row with commas (none: of
    everybody; `*`: all totals). from_level, to_level: names of its hierarchy's levels, for coarsen.
    """

    kind: ChangeKind
    column: str = ""
    from_level: str = ""
    to_level: str = ""

    @property
    def said(self) -> str:
        """Return it as people say it."""
        match self.kind:
            case ChangeKind.MAKE_AGAIN:
                return "make it again as policy stands now (trustmart transform)"
            case ChangeKind.COARSEN:
                return f"coarsen {self.column} from {self.from_level} to {self.to_level}"
            case ChangeKind.SUPPRESS:
                return "suppress the classes that were found"
            case ChangeKind.DROP_TOTALS if self.column == "*":
                return "drop all totals"
            case ChangeKind.DROP_TOTALS:
                return f"drop the totals by {self.column}" if self.column else "drop the grand total"
            case _:
                return f"drop {self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Changes made together on a copy of a mart, and what came of it.

    loss_before, loss_after: `table_loss`, 0 to 1. suppressed_before, suppressed_after: people left out; in a cube once
    per cell. columns_lost: columns that policy publishes and readers would no longer have. releases: whether everything
    that is asked of the mart was asked of the copy, and found nothing.
    """

    changes: tuple[Change, ...]
    loss_before: float
    loss_after: float
    suppressed_before: int
    suppressed_after: int
    columns_lost: int = 0
    releases: bool = False

    @property
    def cost(self) -> tuple[float, int, int, int, list[int], tuple[Change, ...]]:
        """Return what moves are ranked by: loss added, columns lost, people left out, number and kind of changes."""
        added = round(self.loss_after - self.loss_before, 9)
        people = self.suppressed_after - self.suppressed_before
        kinds = [list(ChangeKind).index(one.kind) for one in self.changes]
        return added, self.columns_lost, people, len(self.changes), kinds, self.changes

    def as_dict(self) -> dict[str, Any]:
        """Return it as reports write it: names of columns and levels, counts and shares."""
        return {
            "changes": [
                {"kind": str(one.kind), "column": one.column, "from_level": one.from_level, "to_level": one.to_level}
                for one in self.changes
            ],
            "said": " and ".join(one.said for one in self.changes),
            "loss_before": round(self.loss_before, 4),
            "loss_after": round(self.loss_after, 4),
            "people_suppressed_before": self.suppressed_before,
            "people_suppressed": self.suppressed_after,
            "columns_lost": self.columns_lost,
            "releases": self.releases,
        }


def cheapest(moves: Iterable[Move], most: int = 3) -> tuple[Move, ...]:
    """Return the moves that release the mart, the cheapest first, and not more than `most` of them."""
    return tuple(sorted((move for move in moves if move.releases), key=lambda move: move.cost)[:most])


def table_loss(columns: Sequence[tuple[float, float | None]], suppressed_share: float) -> float:
    """Return what a mart's readers have lost, from 0 (nothing) to 1 (everything): the mean over its columns.

    columns: (weight, certainty penalty of the labels that are shown, 0 to 1) of every column that policy publishes;
    None where the column is gone. Whoever is suppressed counts 1 in every column (as in `utility.column_loss`).
    """
    weights = sum(weight for weight, _ in columns)
    if not weights:
        return 1.0
    kept = 1 - suppressed_share
    return sum(weight * (1.0 if one is None else one * kept + suppressed_share) for weight, one in columns) / weights
