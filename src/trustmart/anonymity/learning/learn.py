"""Learning as a release asks for it: rows to publish, and what they give away about who was learned from."""

from typing import Any

import numpy as np

from trustmart.anonymity.intervals import Risk
from trustmart.anonymity.learning.auc import area_under_curve
from trustmart.anonymity.learning.centroids import Centroids, learn_centroids
from trustmart.anonymity.learning.profiles import Floats, Profiles
from trustmart.anonymity.learning.propensity import Propensity, learn_propensity
from trustmart.anonymity.learning.rows import LearnedRow, rows_of_centroids, rows_of_propensity
from trustmart.policy import Learned


def learn(profiles: Profiles, asked: Learned, *, minimum: int) -> tuple[list[LearnedRow], dict[str, Any]]:
    """Return the rows of what is learned, and the counts of what was too small: labels left out, clusters merged.

    profiles: of the columns that it learns from. Raises TableUnfit where nothing can be learned.
    """
    found = _fit(profiles, asked, minimum)
    if isinstance(found, Centroids):
        whole = rows_of_centroids(found, profiles, minimum=1)
        facts: dict[str, Any] = {"clusters": len(found.centres), "clusters_merged": found.merged}
    else:
        whole = rows_of_propensity(found, profiles, target=asked.target or "", minimum=1)
        facts = {}
    rows = [row for row in whole if row.people >= minimum]
    return rows, {**facts, "labels_left_out": len(whole) - len(rows)}


def membership(first: Profiles, second: Profiles, asked: Learned, *, minimum: int) -> Risk:
    """Return how well learning tells those it has seen from those it has not: an AUC, 0.5 where it does not.

    first, second: two halves of the people, parted by chance. One model is learned from each, and everybody is scored
    by both: by how well the model fits them (the loss attack of Yeom et al., "Privacy risk in machine learning", CSF
    2018). As the control is the same person unseen, nothing depends on how the halves differ. Raises TableUnfit.
    """
    halves = (first, second)
    models = [_fit(half, asked, minimum) for half in halves]
    seen = np.concatenate([_fits(model, half, asked) for model, half in zip(models, halves, strict=True)])
    unseen = np.concatenate([_fits(model, half, asked) for model, half in zip(models[::-1], halves, strict=True)])
    people = np.concatenate([half.weights for half in halves])
    nobody = np.zeros_like(people)
    return area_under_curve(
        np.concatenate([seen, unseen]), np.concatenate([people, nobody]), np.concatenate([nobody, people])
    )


def _fit(profiles: Profiles, asked: Learned, minimum: int) -> Centroids | Propensity:
    """Learn what the release asks for."""
    if asked.kind == "cluster_centroids":
        return learn_centroids(profiles, clusters=asked.clusters or 2, minimum=minimum)
    return learn_propensity(profiles, target=asked.target or "", target_label=asked.target_label or "")


def _fits(model: Centroids | Propensity, profiles: Profiles, asked: Learned) -> Floats:
    """Return how well a model fits each profile, shape (profiles,): its probability, or its nearness to a centre."""
    if isinstance(model, Centroids):
        nearness: Floats = -model.distances(profiles).min(axis=1)
        return nearness
    features, labels = profiles.without(asked.target or "")
    chances = model.probabilities(features)
    return np.where([label == asked.target_label for label in labels], chances, 1 - chances)
