"""The measures of disclosure and utility: laws, and figures that can be checked by hand or in the papers."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustmart.anonymity.closeness import equal_distance, hierarchical_distance, ordered_distance
from trustmart.anonymity.diversity import (
    distinct_diversity,
    entropy_diversity,
    is_recursively_diverse,
    recursive_ratio,
    sensitive_counts,
)
from trustmart.anonymity.hierarchy_building import categories
from trustmart.anonymity.utility import (
    average_class_ratio,
    average_risk,
    certainty_penalty,
    column_loss,
    discernibility,
    marketer_risk,
    maximum_risk,
    overall_loss,
)

COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 20), min_size=1)
ORDER = "abcd"
PATHS = {"a": ("x", "*"), "b": ("x", "*"), "c": ("y", "*"), "d": ("y", "*")}


@given(one=COUNTS, other=COUNTS)
def test_merging_classes_never_makes_the_worst_worse(one: dict[str, int], other: dict[str, int]) -> None:
    """S12: of two classes that become one, the whole is no less diverse and no farther off than the worse of them."""
    whole, everybody = Counter(one) + Counter(other), Counter(one) + Counter(other) + Counter("abcd")
    assert distinct_diversity(whole) >= max(distinct_diversity(one), distinct_diversity(other))
    assert entropy_diversity(whole) >= min(entropy_diversity(one), entropy_diversity(other)) - 1e-9
    assert recursive_ratio(whole, 2) <= max(recursive_ratio(one, 2), recursive_ratio(other, 2)) + 1e-9
    for distance in (
        equal_distance,
        lambda c, t: ordered_distance(c, t, ORDER),
        lambda c, t: hierarchical_distance(c, t, PATHS),
    ):
        assert distance(whole, everybody) <= max(distance(one, everybody), distance(other, everybody)) + 1e-9


@given(counts=COUNTS)
def test_distances_are_between_the_same_and_one(counts: dict[str, int]) -> None:
    """S12: a class that is the table is at 0, and no distance is above 1."""
    everybody = Counter(counts) + Counter("abcd")
    assert equal_distance(everybody, everybody) == ordered_distance(everybody, everybody, ORDER) == 0
    for measured in (
        equal_distance(counts, everybody),
        ordered_distance(counts, everybody, ORDER),
        hierarchical_distance(counts, everybody, PATHS),
    ):
        assert 0 <= measured <= 1 + 1e-9


def test_the_worked_example_of_the_paper() -> None:
    """S12: Li et al. 2007, section 5.1: salaries 3k-5k are at 0.375 from all nine, 6k-8k-11k at 0.167."""
    salaries = tuple(range(3, 12))
    everybody = dict.fromkeys(salaries, 1)
    assert ordered_distance({3: 1, 4: 1, 5: 1}, everybody, salaries) == pytest.approx(0.375)
    assert ordered_distance({6: 1, 8: 1, 11: 1}, everybody, salaries) == pytest.approx(0.167, abs=0.001)


def test_diversity_in_its_three_forms() -> None:
    """S12: 4 + 2 + 1 + 1 people: four values, as mixed as 3.36 equal ones; 4 < c (2 + 1 + 1) from c above 1."""
    counts = {"flu": 4, "cold": 2, "gout": 1, None: 1}
    assert distinct_diversity(counts) == 4
    assert entropy_diversity(counts) == pytest.approx(2**1.75)
    assert recursive_ratio(counts, 2) == 1.0
    assert not is_recursively_diverse(counts, c=1, l=2)
    assert is_recursively_diverse(counts, c=1.1, l=2)
    assert recursive_ratio({"flu": 3}, 2) == math.inf
    assert entropy_diversity({}) == 0.0


def test_nulls_are_sensitive_values_too() -> None:
    """S12: a null among the quasi-identifiers is a class, a null in the sensitive column a value."""
    rows = [{"job": None, "illness": None}, {"job": None, "illness": "flu"}, {"job": "nurse", "illness": None}]
    assert sensitive_counts(rows, ["job"], "illness") == {(None,): {None: 1, "flu": 1}, ("nurse",): {None: 1}}


def test_loss_counts_leaves_and_the_suppressed() -> None:
    """S14: three leaves and null: a label over two costs 1/3, `*` and a suppressed record 1."""
    job = categories("job", [("nurse", "care"), ("carer", "care"), ("clerk", "office")])
    assert certainty_penalty(2, 4) == pytest.approx(1 / 3)
    assert certainty_penalty(1, 1) == 0.0
    assert column_loss({"care": 3, "office": 1, None: 1}, job, 1, suppressed=0) == pytest.approx(0.2)
    assert column_loss({"*": 3}, job, 2, suppressed=1) == 1.0
    assert column_loss({"care": 1}, job, 1, suppressed=1) == pytest.approx((1 / 3 + 1) / 2)
    assert column_loss({}, job, 0, suppressed=0) == 0.0
    assert overall_loss({"job": 1.0, "age": 0.0}, {"job": 1, "age": 3}) == 0.25


def test_class_statistics_and_risks() -> None:
    """S12: classes of 2, 3 and 5 people, k = 2: figures by hand."""
    sizes = [2, 3, 5]
    assert average_class_ratio(sizes, 2) == pytest.approx(10 / 6)
    assert discernibility(sizes, suppressed=1) == 4 + 9 + 25 + 11
    assert maximum_risk(sizes) == 0.5
    assert average_risk(sizes) == marketer_risk(sizes) == pytest.approx(0.3)
    assert marketer_risk(sizes, [4, 3, 50]) == pytest.approx((0.5 + 1 + 0.1) / 10)
    assert average_class_ratio([], 2) is maximum_risk([]) is average_risk([]) is marketer_risk([]) is None


def test_what_cannot_be_measured_is_an_error() -> None:
    """S12: nobody, a value outside the order or the hierarchy, a population smaller than its sample."""
    with pytest.raises(ValueError, match="people on both sides"):
        equal_distance({}, {"a": 1})
    with pytest.raises(ValueError, match="1 sensitive values of the class"):
        equal_distance({"z": 1}, {"a": 1})
    with pytest.raises(ValueError, match="no place in the order"):
        ordered_distance({"a": 1}, {"a": 1}, [])
    with pytest.raises(ValueError, match="no place in the hierarchy"):
        hierarchical_distance({"a": 1}, {"a": 1}, {"b": ("*",)})
    with pytest.raises(ValueError, match="population"):
        marketer_risk([3], [2])
    with pytest.raises(ValueError, match="at least 1"):
        recursive_ratio({"a": 1}, 0)
