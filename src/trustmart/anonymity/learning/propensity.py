"""A propensity model: logistic regression on labels, published as one weight per label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trustmart.anonymity.learning.profiles import EVERY_LABEL, EVERYBODY, Floats, Profiles
from trustmart.errors import TableUnfit

# Weights are rounded: engines and machines add in other orders, and the last digits of a fit are no news.
DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Propensity:
    """A weight per (feature, label), the one of everybody among them; what it has no weight for counts nothing."""

    weights: Mapping[tuple[str, str], float]

    def log_odds(self, profiles: Profiles) -> Floats:
        """Return the log-odds of each profile, shape (profiles,)."""
        everybody = self.weights.get((EVERYBODY, EVERY_LABEL), 0.0)
        sums = [
            sum(self.weights.get(pair, 0.0) for pair in zip(profiles.features, labels, strict=True))
            for labels in profiles.labels
        ]
        return np.array(sums, dtype=np.float64) + everybody

    def probabilities(self, profiles: Profiles) -> Floats:
        """Return the probability of the target's label for each profile, shape (profiles,)."""
        chances: Floats = 1 / (1 + np.exp(-self.log_odds(profiles)))
        return chances


def learn_propensity(profiles: Profiles, *, target: str, target_label: str) -> Propensity:
    """Learn how likely a label of the target is, from the other columns of profiles.

    scikit-learn's logistic regression with its ridge (C = 1), to convergence, on one thread. Raises TableUnfit where
    all people have the label, or nobody has it.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    features, labels = profiles.without(target)
    hits = np.array([label == target_label for label in labels])
    if hits.all() or not hits.any():
        raise TableUnfit(f"nothing can be learned about {target}: everybody has the wanted label, or nobody")
    with threadpool_limits(limits=1):
        model = LogisticRegression(C=1.0, tol=1e-9, max_iter=2000)
        model.fit(features.one_hot(), hits, sample_weight=profiles.weights)
    weights = {pair: _rounded(weight) for pair, weight in zip(features.pairs, model.coef_[0], strict=True)}
    return Propensity(weights={(EVERYBODY, EVERY_LABEL): _rounded(model.intercept_[0]), **weights})


def _rounded(weight: float) -> float:
    """Return a weight as it is published; there is one zero."""
    return round(float(weight), DIGITS) + 0.0
