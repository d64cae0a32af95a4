"""Two implementations agree: a score in SQL is what scikit-learn predicts from the same labels."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.compiled import manifest
from trustmart.anonymity.learning import EVERY_LABEL, EVERYBODY, Profiles, learn
from trustmart.policy import Learned

SCORE, USE_CASE, MODEL = (
    "score_term_deposit_propensity__customers",
    "term_deposit_propensity",
    "fct_offer_propensity",
)
ASKED = Learned(
    kind="propensity_model",
    learned_from="fct_offer_profiles",
    features=("born", "family"),
    target="took_offer",
    target_label="yes",
)
PERSON = st.tuples(st.sampled_from(["1960-1969", "1990-1999", "(none)"]), st.sampled_from(["single", "married"]))
TAUGHT = st.lists(st.tuples(PERSON, st.sampled_from(["yes", "no"]), st.integers(5, 40)), min_size=2, max_size=10)
SCORED = st.lists(PERSON, min_size=1, max_size=8)


@pytest.fixture(scope="module")
def scored() -> str:
    """Return the score's compiled SQL, over tables of this connection."""
    sql = manifest()["nodes"][f"model.trustmart.{SCORE}"]["compiled_code"]
    return str(sql)


def score_in_sql(sql: str, rows: Any, people: Any) -> list[float]:
    """Return everybody's propensity by the mart's own SQL."""
    labelled = [
        (f"s{number}", feature, label)
        for number, labels in enumerate(people)
        for feature, label in ((EVERYBODY, EVERY_LABEL), *zip(ASKED.features, labels, strict=True))
    ]
    with duckdb.connect(config={"threads": 1}) as connection:
        run = connection.execute
        run("attach ':memory:' as restricted; create schema restricted.anonymized_candidate")
        names = ("subject_id", "feature", "label")
        connection.register("told", pa.table(dict(zip(names, zip(*labelled, strict=True), strict=True))))
        run(
            f"create table restricted.int_subjects__labelled as select *, '{USE_CASE}' as use_case, '{MODEL}' as mart"
            " from told"
        )
        run(
            f"create table restricted.int_subjects__permitted as select distinct subject_id, '{USE_CASE}' as use_case,"
            " '' as purpose, '' as legal_basis, '' as evidence_event_id, null as permitted_until from told"
        )
        run(
            f"create table restricted.anonymized_candidate.{MODEL}"
            " (feature varchar, label varchar, customers bigint, weight double)"
        )
        for row in rows:
            run(
                f"insert into restricted.anonymized_candidate.{MODEL} values (?, ?, ?, ?)",
                [*row.key, row.people, row.figure],
            )
        found = run(f"select subject_id, propensity from ({sql})").fetchall()
    return [float(dict(found)[f"s{number}"]) for number in range(len(people))]


@settings(max_examples=20, deadline=None)
@given(taught=TAUGHT, people=SCORED)
def test_a_score_is_what_scikit_learn_predicts(scored: str, taught: Any, people: Any) -> None:
    """(S15) Weights joined label by label, in SQL, give predict_proba; a label never heard of counts nothing there too."""
    from sklearn.linear_model import LogisticRegression

    profiles = Profiles.counted(ASKED.columns_learned_from, [(*labels, said, n) for labels, said, n in taught])
    features, said = profiles.without("took_offer")
    if len(set(said)) < 2:
        return
    rows, _ = learn(profiles, ASKED, minimum=2)
    theirs = LogisticRegression(C=1.0, tol=1e-9, max_iter=2000)
    theirs.fit(features.one_hot(), [one == "yes" for one in said], sample_weight=profiles.weights)
    asked = Profiles(features=ASKED.features, labels=tuple(people), people=(1.0,) * len(people))
    expected = theirs.predict_proba(asked.one_hot(features.pairs))[:, 1]
    np.testing.assert_allclose(score_in_sql(scored, rows, people), expected, atol=3e-4)
