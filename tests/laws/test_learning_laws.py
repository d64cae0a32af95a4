"""What is learned from profiles: nobody stands out, nothing depends on order, and figures are what they say."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trustmart.anonymity.learning import (
    EVERY_LABEL,
    EVERYBODY,
    Profiles,
    area_under_curve,
    learn,
    learn_propensity,
    membership,
)
from trustmart.errors import TableUnfit
from trustmart.policy import Learned

K = 5
CLUSTERS = Learned(kind="cluster_centroids", learned_from="people", features=("age", "family"), clusters=4)
MODEL = Learned(
    kind="propensity_model", learned_from="people", features=("age", "family"), target="said", target_label="yes"
)
LABELS = st.tuples(st.sampled_from(["young", "old", None]), st.sampled_from(["single", "married", "widowed"]))
TAUGHT = st.lists(st.tuples(LABELS, st.sampled_from(["yes", "no"]), st.integers(1, 30)), min_size=2, max_size=12)


def rows_of(taught: Any, *, with_target: bool) -> list[tuple[Any, ...]]:
    """Return rows (labels …, people)."""
    return [(*labels, *([said] if with_target else []), people) for labels, said, people in taught]


def profiles_of(taught: Any, asked: Learned) -> Profiles:
    """Return the profiles that a release would learn from."""
    return Profiles.counted(asked.columns_learned_from, rows_of(taught, with_target=asked.target is not None))


@pytest.mark.parametrize("asked", [CLUSTERS, MODEL], ids=["clusters", "model"])
@settings(max_examples=25, deadline=None)
@given(taught=TAUGHT, chance=st.randoms(use_true_random=False))
def test_no_row_is_of_few_and_no_order_matters(asked: Learned, taught: Any, chance: Any) -> None:
    """(S12) Every row stands for k people or more, stands there once, and is the same however the rows came in."""
    profiles = profiles_of(taught, asked)
    try:
        rows, facts = learn(profiles, asked, minimum=K)
    except TableUnfit:
        assume(False)
    assert all(row.people >= K for row in rows)
    assert len({row.key for row in rows}) == len(rows)
    mixed = list(taught)
    chance.shuffle(mixed)
    assert learn(profiles_of(mixed, asked), asked, minimum=K) == (rows, facts)


@settings(max_examples=25, deadline=None)
@given(taught=TAUGHT)
def test_everybody_is_in_one_cluster(taught: Any) -> None:
    """(S14) The clusters' sizes add up to all people, and their shares of a label are those of their people."""
    profiles = profiles_of(taught, CLUSTERS)
    assume(profiles.total >= K)
    rows, facts = learn(profiles, CLUSTERS, minimum=K)
    sizes = {row.key[0]: row.people for row in rows if row.key[1:] == (EVERYBODY, EVERY_LABEL)}
    assert len(sizes) == facts["clusters"]
    assert sum(sizes.values()) == profiles.total
    for row in rows:
        if row.key[1] != EVERYBODY:
            assert row.figure == pytest.approx(row.people / sizes[row.key[0]], abs=5e-5)


def test_small_clusters_go_to_the_nearest() -> None:
    """(S12) Three people far from all others are no cluster of their own: they are counted where they are nearest."""
    taught = [(("young", "single"), "no", 40), (("old", "married"), "no", 40), (("old", "widowed"), "no", 3)]
    rows, facts = learn(profiles_of(taught, CLUSTERS), CLUSTERS, minimum=K)
    assert facts == {"clusters": 2, "clusters_merged": 1, "labels_left_out": 1}
    assert [row.people for row in rows if row.key[1] == EVERYBODY] == [43, 40]


@settings(max_examples=20, deadline=None)
@given(taught=TAUGHT)
def test_published_weights_predict_what_scikit_learn_predicts(taught: Any) -> None:
    """(S14) The probability by rounded weights is predict_proba's, for every combination of labels."""
    from sklearn.linear_model import LogisticRegression

    profiles = profiles_of(taught, MODEL)
    features, said = profiles.without("said")
    assume(len(set(said)) == 2)
    ours = learn_propensity(profiles, target="said", target_label="yes").probabilities(features)
    theirs = LogisticRegression(C=1.0, tol=1e-9, max_iter=2000)
    theirs.fit(features.one_hot(), [one == "yes" for one in said], sample_weight=profiles.weights)
    np.testing.assert_allclose(ours, theirs.predict_proba(features.one_hot())[:, 1], atol=2e-4)


SCORED = st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8)


@given(scored=SCORED)
def test_the_area_is_the_share_of_pairs_in_order(scored: Any) -> None:
    """(S14) The AUC is what counting every pair of a positive and a negative comes to; ties count half."""
    scores, positives, negatives = (np.array(column, dtype=float) for column in zip(*scored, strict=True))
    pairs = [
        (ours * theirs, (one > other) + 0.5 * (one == other))
        for (one, ours, _), (other, _, theirs) in product(scored, scored)
    ]
    area = area_under_curve(scores, positives, negatives)
    if not (weight := sum(people for people, _ in pairs)):
        assert (area.value, area.low, area.high) == (0.5, 0.0, 1.0)
    else:
        assert area.value == pytest.approx(sum(people * above for people, above in pairs) / weight)
        assert area.low <= area.value <= area.high


def test_learning_from_labels_of_many_remembers_nobody() -> None:
    """(S12) Who was learned from cannot be told by how well labels of many people are predicted."""
    halves = [
        profiles_of([(("young", "single"), "yes", 300 + more), (("old", "married"), "no", 350 - more)], asked)
        for asked, more in ((MODEL, 0), (MODEL, 9))
    ]
    risk = membership(*halves, MODEL, minimum=K)
    assert 0.45 < risk.low <= 0.5 <= risk.high < 0.55


def test_learning_from_a_label_per_person_remembers_them() -> None:
    """(S12) A model with a weight for every single person fits those best whom it has seen."""
    people = [
        [((f"person {number}", "single"), "yes" if number % 3 else "no", 1) for number in range(start, start + 200)]
        for start in (0, 200)
    ]
    risk = membership(*(profiles_of(half, MODEL) for half in people), MODEL, minimum=1)
    assert risk.value > 0.6
