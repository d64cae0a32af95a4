"""Learning from anonymized rows: cluster centroids and propensity models, the same on every run.

Everything here is a function of profiles, which are labels and how many people have them. Where those come from
published rows, what is learned is post-processing of them and says nothing of a person that they do not say.
"""

from trustmart.anonymity.learning.auc import area_under_curve
from trustmart.anonymity.learning.centroids import Centroids, learn_centroids
from trustmart.anonymity.learning.learn import learn, membership
from trustmart.anonymity.learning.profiles import EVERY_LABEL, EVERYBODY, NO_LABEL, Profiles
from trustmart.anonymity.learning.propensity import Propensity, learn_propensity
from trustmart.anonymity.learning.rows import LearnedRow, rows_of_centroids, rows_of_propensity

__all__ = [
    "EVERYBODY",
    "EVERY_LABEL",
    "NO_LABEL",
    "Centroids",
    "LearnedRow",
    "Profiles",
    "Propensity",
    "area_under_curve",
    "learn",
    "learn_centroids",
    "learn_propensity",
    "membership",
    "rows_of_centroids",
    "rows_of_propensity",
]
