"""A fitted recoding: which level of which hierarchy each column is published on. Frozen, so that nights agree."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trustmart.anonymity.hierarchy import Hierarchy


@dataclass(frozen=True)
class Recoding:
    """One hierarchy and one level per quasi-identifier."""

    hierarchies: tuple[Hierarchy, ...]
    levels: tuple[int, ...]

    @property
    def digest(self) -> str:
        """Return a SHA-256 of the levels and of everything in the hierarchies."""
        content = [[h.name, h.digest, level] for h, level in zip(self.hierarchies, self.levels, strict=True)]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    def coarser_than(self, levels: Sequence[int]) -> bool:
        """Return whether every column is at least as coarse as in other levels of the same hierarchies."""
        return all(here >= there for here, there in zip(self.levels, levels, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Return the levels by name and the digests, as ledgers and reports write them."""
        columns = {
            hierarchy.name: {
                "level": level,
                "level_name": hierarchy.level_names[level],
                "of_levels": hierarchy.levels,
                "hierarchy": hierarchy.digest,
            }
            for hierarchy, level in zip(self.hierarchies, self.levels, strict=True)
        }
        return {"columns": columns, "digest": self.digest}
