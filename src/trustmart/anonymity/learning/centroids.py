"""Cluster centroids: k-means on labels, no cluster of fewer people than asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trustmart.anonymity.learning.profiles import Floats, Profiles
from trustmart.errors import TableUnfit

_SEED, _STARTS = 17, 4
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Centroids:
    """The centres of clusters, shape (clusters, pairs): shares of people with each label, the largest cluster first.

    pairs: the (feature, label) of each column. merged: how many small clusters went into the one nearest to them.
    """

    pairs: tuple[tuple[str, str], ...]
    centres: Floats
    merged: int = 0

    def nearest(self, profiles: Profiles) -> Places:
        """Return the place of the nearest centre of each profile, shape (profiles,)."""
        return np.argmin(self.distances(profiles), axis=1)

    def distances(self, profiles: Profiles) -> Floats:
        """Return the squared distance of each profile from each centre, shape (profiles, clusters)."""
        points = profiles.one_hot(self.pairs)
        own = np.asarray(points.sum(axis=1)).reshape(-1, 1)
        found: Floats = own - 2 * (points @ self.centres.T) + (self.centres**2).sum(axis=1)
        # Equal distances must stay equal: the first centre wins then, on every machine.
        return np.round(found, 9)


def learn_centroids(profiles: Profiles, *, clusters: int, minimum: int) -> Centroids:
    """Learn so many centres at most, each nearest to at least `minimum` people.

    scikit-learn's k-means (Lloyd, four starts with a fixed seed) on one thread. A cluster of fewer people is dropped,
    and they go to the nearest that is left. Raises TableUnfit where there are fewer people than that altogether.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    if profiles.total < minimum:
        raise TableUnfit(f"{profiles.total} people are fewer than a cluster needs ({minimum})")
    points = profiles.one_hot()
    with threadpool_limits(limits=1):
        found = KMeans(n_clusters=min(clusters, len(profiles.labels)), n_init=_STARTS, random_state=_SEED)
        found.fit(points, sample_weight=profiles.weights)
    centres: Floats = np.array(found.cluster_centers_.round(9), dtype=np.float64)
    kept = Centroids(pairs=profiles.pairs, centres=centres)
    while (small := _smallest(kept, profiles))[1] < minimum:
        left = np.delete(kept.centres, small[0], axis=0)
        kept = Centroids(pairs=kept.pairs, centres=left, merged=kept.merged + 1)
    return _in_order(kept, profiles)


def sizes(places: Places, people: Sequence[float], clusters: int) -> Floats:
    """Return how many people are in each cluster, shape (clusters,)."""
    found: Floats = np.bincount(places, weights=np.array(people, dtype=np.float64), minlength=clusters).astype(float)
    return found


def _smallest(centroids: Centroids, profiles: Profiles) -> tuple[int, float]:
    """Return the place of the smallest cluster, and how many people it has."""
    people = sizes(centroids.nearest(profiles), profiles.people, len(centroids.centres))
    place = int(np.argmin(people))
    return place, float(people[place])


def _in_order(centroids: Centroids, profiles: Profiles) -> Centroids:
    """Return the clusters with the largest first; of equal ones, by their centres."""
    people = sizes(centroids.nearest(profiles), profiles.people, len(centroids.centres))
    order = sorted(range(len(people)), key=lambda at: (-people[at], centroids.centres[at].tolist()))
    return Centroids(pairs=centroids.pairs, centres=centroids.centres[order], merged=centroids.merged)
