"""Generalization hierarchies as policy declares them: one rule each."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trustmart.policy.base import PolicyModel


class CalendarRule(PolicyModel):
    """Days of a range of dates (the first and last that occur, unless given)."""

    first: date | None = Field(None, alias="from")
    last: date | None = Field(None, alias="to")


class RangesRule(PolicyModel):
    """Intervals of growing width."""

    start: float = Field(alias="from")
    end: float = Field(alias="to")
    widths: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1)


class PrefixRule(PolicyModel):
    """Prefixes of codes of one length."""

    length: int = Field(ge=1, le=64)
    keep: tuple[Annotated[int, Field(ge=1)], ...] | None = None


class HierarchyRule(PolicyModel):
    """Where a hierarchy comes from; exactly one of these."""

    calendar: CalendarRule | None = None
    ranges: RangesRule | None = None
    prefixes: PrefixRule | None = None
    csv: Path | None = None
    tree: dict[str, Any] | None = None
    flat: Literal[True] | tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one(self) -> "HierarchyRule":
        """Refuse none, and several."""
        if len(self.model_fields_set) != 1:
            raise ValueError("a hierarchy is one of calendar, ranges, prefixes, csv, tree or flat")
        return self

    @property
    def is_whole(self) -> bool:
        """Return whether all its leaves are declared, so that it is the same on every night."""
        if self.calendar is not None:
            return self.calendar.first is not None and self.calendar.last is not None
        return self.prefixes is None and self.flat is not True
