"""Learned marts in a night of the small bank: released with their teachers, applied by the labels that were learned."""

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from support.bank import NIGHT, Night, small_night
from trustmart.pipeline import release
from trustmart.pipeline.context import Context, open_context
from trustmart.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MODEL, TEACHER = "fct_offer_propensity", "fct_offer_profiles"
SCORE, LABELLED = "score_term_deposit_propensity__customers", "int_subjects__labelled"
NEXT_NIGHT = NIGHT + timedelta(days=1)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Open the night after one that released everything, on a copy of what it left."""
    night: Night = small_night().copy(tmp_path / "copy")
    settings = Settings(data=night.data, policy=night.policy, key=SecretStr(night.key))
    return open_context(as_of=NEXT_NIGHT, now=NEXT_NIGHT, settings=settings)


def shown(context: Context) -> list[tuple]:
    """Return the model that analysts see."""
    with duckdb.connect(str(context.warehouse.path("anonymized")), read_only=True) as reader:
        return reader.execute(f"from {MODEL} order by all").fetchall()


def test_a_teacher_that_is_held_holds_what_was_learned_from_it(context: Context) -> None:
    """(S12) One row too fine in the microdata: neither it nor its model is released, and readers keep the last of both."""
    before = shown(context)
    with context.warehouse.session(writes="restricted") as session:
        session.run(
            f"update restricted.anonymized_candidate.{TEACHER} set family = 'a lone pensioner'"
            f" where rowid = (select min(rowid) from restricted.anonymized_candidate.{TEACHER})"
        )
    verdicts = {mart["mart"]: mart for mart in release(context)["marts"]}
    assert {verdicts[mart]["verdict"] for mart in (TEACHER, MODEL)} == {"held"}
    assert any(TEACHER in reason for reason in verdicts[MODEL]["reasons"])
    assert verdicts["dim_customer_clusters"]["verdict"] == "released"
    assert shown(context) == before != []


def test_people_are_told_by_the_labels_that_were_learned_from(context: Context) -> None:
    """(S15) Whoever is published and scored has the same labels in both, and everybody who is scored has all of them."""
    features = context.policy.releases[MODEL].learned.features
    columns = ", ".join(
        f"coalesce(cast({name} as varchar), '∅')" for name in context.policy.releases[TEACHER].quasi_identifiers
    )
    with context.warehouse.session(reads=["restricted", "personal"]) as session:
        for feature in features:
            ((both, different),) = session.rows(
                f"with classes as (select distinct md5(concat_ws('|', {columns})) as class_id, {feature} as label"
                f" from restricted.anonymized_candidate.{TEACHER})"
                f" select count(*), count(*) filter (told.label <> classes.label) from restricted.{LABELLED} as told"
                f' join restricted.anonymized_door."{TEACHER}__members" as members using (subject_id)'
                " join classes using (class_id) where told.feature = ?",
                [feature],
            )
            assert both > 100
            assert different == 0
        ((scored, labels, permitted),) = session.rows(
            f"select (select count(*) from personal.{SCORE}), (select count(*) from restricted.{LABELLED}),"
            " (select count(*) from restricted.int_subjects__permitted where use_case = 'term_deposit_propensity')"
        )
    assert scored == permitted > 0
    assert labels == scored * (len(features) + 1)
