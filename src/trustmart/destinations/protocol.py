"""What a destination is asked to do. A new one is one file, and one subclass of the test kit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from trustmart.audiences import Member

Operation = Literal["remove", "add"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a destination says it did. Counts only; no member is named."""

    change_id: str
    operation: Operation
    accepted: int = 0
    rejected: int = 0
    place: str = ""


class Destination(Protocol):
    """A place that accepts audiences. Telling it the same change twice does it once."""

    def remove(self, audience: str, change_id: str, members: Sequence[Member]) -> Receipt:
        """Have members taken out; raises DestinationError."""

    def add(self, audience: str, change_id: str, members: Sequence[Member]) -> Receipt:
        """Have members put in; raises DestinationError."""

    def receipt(self, audience: str, change_id: str, operation: Operation) -> Receipt | None:
        """Return what became of a change that was told before, or None where it never arrived."""
