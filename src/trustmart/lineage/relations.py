"""What a query yields: the types of its columns, what a row stands for, and what chose the rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from trustmart.lineage.forms import Trace, Value


class Undetermined(Exception):
    """What flows where cannot be told; the reason is in words, with names only."""


class Rows(IntEnum):
    """What one row stands for; in a join, the most dangerous counts."""

    REFERENCE = 0  # nobody: labels, dates, literals
    CLASS = 1  # a class of people, by GROUP BY
    PEOPLE = 2  # one person, or something one person did


class Choice(IntEnum):
    """How an attribute chose the rows."""

    BY_RANGE = 0  # many values do
    BY_VALUE = 1  # one value, or a few


@dataclass(frozen=True, slots=True)
class Hazard:
    """An attribute by which rows were chosen."""

    trace: Trace
    choice: Choice
    why: str


Columns = tuple[tuple[str, Value], ...]
SEVERAL = "(several use cases at once)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """The types of a query's or table's rows.

    is_mixed: a row pairs people who have nothing to do with each other. unit: each row is another person. classes:
    those a row stands for. guards: for which of all classes it is proved that they hold at least so many people. keys:
    what formed each class. whole: classes of a window from which no row has been taken. permitted_for: the use case
    that all its people are permitted for ("" before one is chosen). is_open: it may have columns that nobody knows.
    hierarchy: the seed it is.
    """

    columns: Columns
    rows: Rows
    is_mixed: bool = False
    is_single: bool = False
    unit: bool = False
    classes: frozenset[int] = frozenset()
    guards: Mapping[int, int] = field(default_factory=dict)
    keys: Mapping[int, Columns] = field(default_factory=dict)
    whole: frozenset[int] = frozenset()
    hazards: tuple[Hazard, ...] = ()
    permitted_for: str | None = None
    is_open: bool = False
    hierarchy: str | None = None

    def named(self, name: str) -> list[Value]:
        """Return the columns of a name, in small letters; the engine may have numbered those of the same name."""
        found = [value for column, value in self.columns if column == name]
        if not found and ("_" in name or ":" in name):
            base, _, number = name.replace(":", "_").rpartition("_")
            if number.isdigit():
                same = [value for column, value in self.columns if column == base]
                found = same if len(same) > 1 else []
        return found

    def mentioned(self) -> frozenset[int]:
        """Return every class that a row or a value speaks of."""
        spoken = {name for _, value in self.columns for trace in value.traces.values() for name in trace.classes}
        counted = {name for _, value in self.columns for name in value.people_of}
        return self.classes | spoken | counted

    @property
    def guarded(self) -> int:
        """Return how many people each row stands for at least, as far as is proved."""
        if self.rows is not Rows.CLASS:
            return 0
        return min((self.guards.get(name, 0) for name in self.classes), default=0)

    def renamed(self, names: Sequence[str]) -> "Relation":
        """Return it with other names for its first columns."""
        columns = [
            (names[place] if place < len(names) else name, value) for place, (name, value) in enumerate(self.columns)
        ]
        return replace(self, columns=tuple(columns))


NO_ROWS = Relation(columns=(), rows=Rows.REFERENCE, is_single=True)


def merged_guards(parts: Iterable[Relation]) -> dict[int, int]:
    """Return what is proved of classes in all parts: a part that speaks of a class and proves nothing takes it back."""
    guards: dict[int, int] = {}
    parts = list(parts)
    for name in {name for part in parts for name in part.guards}:
        proofs = [part.guards.get(name, 0) for part in parts if name in part.guards or name in part.mentioned()]
        guards[name] = min(proofs)
    return guards


def merged_hazards(parts: Iterable[tuple[Hazard, ...]]) -> tuple[Hazard, ...]:
    """Return all ways in which rows were chosen, each once."""
    found = {
        (hazard.trace.attribute, hazard.trace.form, hazard.choice, hazard.why): hazard
        for part in parts
        for hazard in part
    }
    return tuple(found.values())


def permitted_by_all(parts: Iterable[Relation]) -> str | None:
    """Return what everybody in a union is permitted for."""
    ways = {part.permitted_for for part in parts}
    return ways.pop() if len(ways) == 1 else None


def permitted_by_join(left: str | None, right: str | None) -> str | None:
    """Return what the people of an inner join are permitted for."""
    if left is None or right is None:
        return right if left is None else left
    return left if left == right else SEVERAL
