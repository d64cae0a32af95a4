"""Profiles: every different combination of labels, and how many people have it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# A person's label of this feature is the same for everybody: it carries what is true of all.
EVERYBODY, EVERY_LABEL = "everybody", "*"
# How a null is written among labels: somebody about whom nothing is known is like all others of whom nothing is.
NO_LABEL = "(none)"


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """Different combinations of labels in a fixed order.

    features: the columns. labels: one tuple of n texts per combination, in the order of features. people: how many have
    each combination; whole or weighted.
    """

    features: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    people: tuple[float, ...]

    @classmethod
    def counted(cls, features: Sequence[str], rows: Iterable[Sequence[Any]]) -> "Profiles":
        """Put rows (label, label …, people) together; equal ones are added up, and their order says nothing."""
        found: dict[tuple[str, ...], float] = {}
        for *labels, people in rows:
            key = tuple(NO_LABEL if label is None else str(label) for label in labels)
            found[key] = found.get(key, 0) + people
        ordered = sorted(found)
        return cls(features=tuple(features), labels=tuple(ordered), people=tuple(float(found[key]) for key in ordered))

    @property
    def total(self) -> int:
        """Return how many people there are."""
        return round(sum(self.people))

    @cached_property
    def weights(self) -> Floats:
        """Return the people as an array, shape (profiles,)."""
        return np.array(self.people, dtype=np.float64)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return every (feature, label) that somebody has, in a fixed order."""
        return tuple(
            (feature, label)
            for place, feature in enumerate(self.features)
            for label in sorted({labels[place] for labels in self.labels})
        )

    def people_by_pair(self) -> dict[tuple[str, str], int]:
        """Return how many people have each label."""
        found: dict[tuple[str, str], float] = {}
        for labels, people in zip(self.labels, self.people, strict=True):
            for pair in zip(self.features, labels, strict=True):
                found[pair] = found.get(pair, 0) + people
        return {pair: round(people) for pair, people in found.items()}

    def without(self, feature: str) -> tuple["Profiles", tuple[str, ...]]:
        """Return the profiles without one feature (combinations may repeat), and its label in each of them."""
        at = self.features.index(feature)
        return Profiles(
            features=self.features[:at] + self.features[at + 1 :],
            labels=tuple(labels[:at] + labels[at + 1 :] for labels in self.labels),
            people=self.people,
        ), tuple(labels[at] for labels in self.labels)

    def one_hot(self, pairs: Sequence[tuple[str, str]] | None = None) -> Any:
        """Return a sparse matrix, shape (profiles, pairs), 1 where a profile has the label; others are left out."""
        from scipy.sparse import csr_matrix

        place = {pair: at for at, pair in enumerate(self.pairs if pairs is None else pairs)}
        found = [
            (row, place[pair])
            for row, labels in enumerate(self.labels)
            for pair in zip(self.features, labels, strict=True)
            if pair in place
        ]
        rows, columns = ([one for one, _ in found], [other for _, other in found])
        return csr_matrix((np.ones(len(found)), (rows, columns)), shape=(len(self.labels), len(place)))
