"""Reach: whom each branch could address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustmart.legal_basis.reach import BRANCHES, NOBODY_ASKED, Standing, reach, tally_of, wilson

PEOPLE = [
    Standing(people=60),
    Standing(people=10, consents=frozenset({"news", "partner"})),
    Standing(people=20, objections=frozenset({"news"}), consents=frozenset({"news"})),
    Standing(people=10, is_restricted=True, consents=frozenset({"news"})),
]
STANDINGS = st.lists(
    st.builds(
        Standing,
        people=st.integers(0, 1000),
        is_restricted=st.booleans(),
        objections=st.frozensets(st.sampled_from(["news", "partner"])),
        consents=st.frozensets(st.sampled_from(["news", "partner"])),
    ),
    max_size=6,
)


def test_each_branch_counts_whom_it_may_address() -> None:
    """S07: anonymous and contract everybody, legitimate interest less objections, consent as given."""
    found = reach(tally_of(PEOPLE), {"newsletter": "news"})["newsletter"]
    assert {branch: found[branch].people for branch in BRANCHES} == {
        "anonymous": 100,
        "contract": 100,
        "legitimate_interest": 70,
        "consent": 10,
    }
    assert found["consent"].share == 0.1
    assert found["consent"].low < 0.1 < found["consent"].high


def test_an_objection_or_a_restriction_undoes_a_yes() -> None:
    """S21: who objects, or is restricted, is reached by neither branch that a person can end."""
    only_no = [standing for standing in PEOPLE if standing.is_restricted or standing.objections]
    found = reach(tally_of(only_no), {"newsletter": "news"})["newsletter"]
    assert (found["legitimate_interest"].people, found["consent"].people) == (0, 0)


def test_where_nobody_was_asked_the_consent_branch_is_empty_and_says_so() -> None:
    """S07: a purpose that nobody was asked about reaches nobody by consent."""
    found = reach(tally_of(PEOPLE), {"report": None, "odd": "never_heard_of"})
    assert (found["report"]["consent"].people, found["report"]["consent"].note) == (0, NOBODY_ASKED)
    assert "never_heard_of" in (found["odd"]["consent"].note or "")
    assert found["report"]["legitimate_interest"].people == 90


def test_reach_has_a_value() -> None:
    """S02: what a branch is worth, given what one person is worth."""
    assert reach(tally_of(PEOPLE), {"newsletter": "news"})["newsletter"]["consent"].value(2.5) == 25.0


def test_without_people_nothing_is_reached() -> None:
    """S07: an empty warehouse has no reach, and everything is possible."""
    found = reach(tally_of([]), {"newsletter": "news"})["newsletter"]
    assert all(found[branch].people == 0 and found[branch].share == 0.0 for branch in BRANCHES)


@given(STANDINGS)
def test_a_stricter_branch_never_reaches_more(standings: list[Standing]) -> None:
    """S29: the freer the branch, the more people it reaches; every share lies in its interval."""
    for found in reach(tally_of(standings), {"one": "news", "other": "partner", "report": None}).values():
        people = [found[branch].people for branch in BRANCHES]
        assert people == sorted(people, reverse=True)
        assert all(0 <= found[branch].low <= found[branch].share <= found[branch].high <= 1 for branch in BRANCHES)


@given(st.data(), st.integers(1, 5_000_000))
def test_the_interval_is_wilsons(data: st.DataObject, trials: int) -> None:
    """S07: our few lines and scipy's say the same."""
    stats = pytest.importorskip("scipy.stats")
    successes = data.draw(st.integers(0, trials))
    theirs = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson(successes, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
