"""The privacy type check holds every leak of the corpus, for the right reason, and lets every clean mart through."""

import pytest

from support.compiled import PROJECT, compiled_manifest
from support.corpus import Case, cases, corpus_policy, manifest_of
from trustmart.errors import TypesHeld
from trustmart.lineage import check_types, read_manifest
from trustmart.policy import load_policy

LEAKS = cases("leaks_by_type.yml")
CLEAN = cases("clean_by_type.yml")
WITH_A_PATH = {
    "direct_identifier",
    "finer_than_policy",
    "membership",
    "narrowed",
    "one_persons_value",
    "unlisted_sensitive",
}


@pytest.mark.parametrize("case", LEAKS, ids=str)
def test_every_leak_is_held_for_its_reason(case: Case) -> None:
    """Whatever a leak is called and however it is written, the check names its rule, its model and its path (S12, S17)."""
    found = check_types(manifest_of(case), corpus_policy()).findings
    assert case.rule in {finding.rule for finding in found}
    assert {finding.model for finding in found} <= set(case.models)
    for finding in found:
        assert finding.reason
        assert finding.next_step
        assert finding.path or finding.rule not in WITH_A_PATH


@pytest.mark.parametrize("case", CLEAN, ids=str)
def test_no_clean_mart_is_held(case: Case) -> None:
    """What lets nobody out passes, so that people keep the check switched on (S11, S14)."""
    assert [str(finding) for finding in check_types(manifest_of(case), corpus_policy()).findings] == []


def test_the_corpus_is_large_enough() -> None:
    """The corpus holds at least sixty leaks and thirty clean marts, no two of the same name (S12)."""
    assert len(LEAKS) >= 60
    assert len(CLEAN) >= 30
    names = [case.name for case in [*LEAKS, *CLEAN]]
    assert len(names) == len(set(names))


def test_the_shipped_project_passes() -> None:
    """Every model that we ship has the types that policy allows (S13)."""
    policy = load_policy(PROJECT / "policy", environment={})
    report = check_types(read_manifest(compiled_manifest()), policy)
    assert [str(finding) for finding in report.findings] == []
    assert not report.types.undetermined
    report.raise_if_held()


def test_a_finding_tells_the_whole_path_and_the_next_step() -> None:
    """The error names model and column, the way back to the source, and what to type next (S17)."""
    (case,) = [case for case in LEAKS if case.name == "a renamed hash"]
    with pytest.raises(
        TypesHeld, match=r"dim_corpus\.age_band \(hash\) ← people\.email ← crm\.customers\.email(.|\n)*trustmart check"
    ):
        check_types(manifest_of(case), corpus_policy()).raise_if_held()
