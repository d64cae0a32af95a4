"""The gate holds every planted leak of the corpus, by the check that is named for it, and releases every clean mart."""

from pathlib import Path

import pytest

from support.planted import (
    PlantedCase,
    checks_that_see,
    judged,
    make_ground,
    planted,
    planted_cases,
    planted_policy,
)
from trustmart.policy import Policy

pytestmark = pytest.mark.slow

LEAKS = planted_cases("leaks_by_data.yml")
CLEAN = planted_cases("clean_by_data.yml")


@pytest.fixture(scope="module")
def corpus_policy(policy: Policy) -> Policy:
    """Return the policy of the corpus's marts."""
    return planted_policy(policy.model_dump(mode="json", by_alias=True, exclude_unset=True))


@pytest.fixture(scope="module")
def clean_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the warehouse that every case starts from."""
    return make_ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which one case after the other has its warehouse."""
    return tmp_path_factory.mktemp("cases")


@pytest.mark.parametrize("case", LEAKS, ids=str)
def test_every_planted_leak_is_held(case: PlantedCase, corpus_policy: Policy, clean_corpus: Path, folder: Path) -> None:
    """A leak in the data of a mart holds it, and the checks that are named for it are among those that see it (S12, S17)."""
    warehouse = planted(case, folder, clean_corpus)
    report = judged(case, corpus_policy, warehouse)
    assert report.held
    assert case.caught_by
    assert set(case.caught_by) <= checks_that_see(case, corpus_policy, warehouse), report.reasons
    assert not [reason for reason in report.reasons if "could not be measured" in reason]


@pytest.mark.parametrize("case", CLEAN, ids=str)
def test_no_clean_data_is_held(case: PlantedCase, corpus_policy: Policy, clean_corpus: Path, folder: Path) -> None:
    """What tells of nobody is released, so that people keep the gate switched on (S11, S14)."""
    warehouse = planted(case, folder, clean_corpus)
    assert judged(case, corpus_policy, warehouse).reasons == ()
