"""One expectation of one mart, and what the gate is told besides policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One expectation of one mart: its class in expectations.py, the check behind it, and its arguments."""

    expectation: str
    check: str
    arguments: Mapping[str, Any]
    description: str

    @property
    def about(self) -> str:
        """Return the column that it is about, or the other mart; empty where it is about the whole table."""
        if self.check == "margins_of_each_other":
            return str(self.arguments["mart"])
        return str(self.arguments.get("column") or self.arguments.get("sensitive") or "")


def requirement(expectation: str, check: str, description: str, **arguments: Any) -> Requirement:
    """Return a requirement; arguments: what its check is asked with."""
    return Requirement(expectation=expectation, check=check, arguments=arguments, description=description)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What others remember of the marts, by name.

    epochs: the id of the epoch that tonight's recoding shares with the last release; a mart with a new recoding is left
    out. releases: how many releases the ledger remembers.
    """

    epochs: Mapping[str, str] = field(default_factory=dict)
    releases: Mapping[str, int] = field(default_factory=dict)
