"""What was learned, as rows that people can read: no row stands for fewer people than asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

from trustmart.anonymity.learning.centroids import Centroids
from trustmart.anonymity.learning.profiles import EVERY_LABEL, EVERYBODY, Profiles
from trustmart.anonymity.learning.propensity import DIGITS, Propensity


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LearnedRow:
    """One published row. key: cluster (where there are clusters), feature and label. figure: its share or weight."""

    key: tuple[str | int, ...]
    people: int
    figure: float


def rows_of_centroids(centroids: Centroids, profiles: Profiles, *, minimum: int) -> list[LearnedRow]:
    """Return a row per cluster, feature and label: who is in it, and which share of the cluster that is.

    The row of everybody tells a cluster's size, and its share of all people. Rows of fewer than `minimum` are left out.
    """
    places = centroids.nearest(profiles)
    found: list[LearnedRow] = []
    for cluster in range(len(centroids.centres)):
        members = [at for at in range(len(places)) if places[at] == cluster]
        part = Profiles(
            features=profiles.features,
            labels=tuple(profiles.labels[at] for at in members),
            people=tuple(profiles.people[at] for at in members),
        )
        found += _of_cluster(cluster + 1, part, profiles.total, minimum)
    return sorted(found)


def _of_cluster(number: int, part: Profiles, everybody: int, minimum: int) -> Iterator[LearnedRow]:
    """Yield the rows of one cluster."""
    if part.total >= minimum:
        share = round(part.total / everybody, DIGITS)
        yield LearnedRow(key=(number, EVERYBODY, EVERY_LABEL), people=part.total, figure=share)
    for pair, people in part.people_by_pair().items():
        if people >= minimum:
            yield LearnedRow(key=(number, *pair), people=people, figure=round(people / part.total, DIGITS))


def rows_of_propensity(propensity: Propensity, profiles: Profiles, *, target: str, minimum: int) -> list[LearnedRow]:
    """Return a row per feature and label with its weight; the row of everybody tells the intercept.

    Labels of fewer than `minimum` people are left out, so that applying the model counts nothing for them.
    """
    features, _ = profiles.without(target)
    people = {(EVERYBODY, EVERY_LABEL): profiles.total, **features.people_by_pair()}
    return sorted(
        LearnedRow(key=pair, people=people[pair], figure=weight)
        for pair, weight in propensity.weights.items()
        if people[pair] >= minimum
    )
