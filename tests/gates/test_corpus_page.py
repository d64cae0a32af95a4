"""The page about the corpus says what the corpus is."""

from support.corpus import cases
from support.corpus_page import PAGE, page
from support.planted import planted_cases


def test_the_page_equals_the_corpus() -> None:
    """What docs/gate-corpus.md says of leaks and clean marts is made from them: python tests/support/corpus_page.py (S12)."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_corpus_is_as_large_as_promised() -> None:
    """At least 120 ways to leak and 60 clean marts, every planted leak with the check that must see it (S12)."""
    by_data, clean = planted_cases("leaks_by_data.yml"), planted_cases("clean_by_data.yml")
    assert len(cases("leaks_by_type.yml")) + len(by_data) >= 120
    assert len(cases("clean_by_type.yml")) + len(clean) >= 60
    assert all(case.caught_by and case.expected == "held" for case in by_data)
    assert all(not case.caught_by and case.expected == "released" for case in clean)
    names = [case.name for case in [*by_data, *clean]]
    assert len(names) == len(set(names))
