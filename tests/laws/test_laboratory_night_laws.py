"""Nights of the laboratory: a frozen tree that is routed and repaired, and what whoever kept every release learns."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.people_nights import CROWD, NIGHTS, RULES, Night, PeopleNights, Story, release_of
from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.epochs import Epoch, newest_epoch, pooling_of
from trustmart.anonymity.tree import tree_of
from trustmart.anonymizing.laboratory import make_laboratory
from trustmart.errors import HierarchyFault, TrustmartError

K = 3
RELEASE = release_of(k=K, tier="laboratory")
HIERARCHIES = [
    declared_hierarchy("area", RULES["areas"], fallback="unknown"),
    declared_hierarchy("shape", RULES["shapes"], fallback="unknown"),
]
SETTINGS = settings(deadline=None, max_examples=8)


def laboratory() -> PeopleNights:
    """Return a laboratory that was never published."""
    return PeopleNights(RELEASE, make_laboratory)


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_releases_side_by_side_tell_of_nobody(crowd: Any, nights: Any) -> None:
    """S12: no class changes by 1 … k - 1 people between any two releases; the gate's G6, G7 and G9 hold no night."""
    story = Story(laboratory(), crowd, nights)
    for _, made in story.tell():
        if not isinstance(made, TrustmartError):
            assert story.past.attacks() == []
    for name in {name for version in story.versions for name in version}:
        seen = [version.get(name, frozenset()) for version in story.versions]
        assert not any(1 <= len(a ^ b) < K for a, b in combinations(seen, 2))


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_what_the_laboratory_publishes_is_common_and_diverse(crowd: Any, nights: Any) -> None:
    """S11: a whole row is shared by k people, a class by two values, and no more are left out than policy allows."""
    story = Story(laboratory(), crowd, nights)
    for _, made in story.tell():
        if isinstance(made, TrustmartError):
            continue
        assert made.made.people_suppressed <= RELEASE.maximum_suppressed * len(story.past.people)
        left_out = made.made.people_suppressed / made.made.people_total
        assert made.made.facts["utility"]["loss"] >= left_out - 0.001, "who is left out counts as all lost"
        for rows in made.classes.values():
            assert min(rows.values()) >= K
            assert len({row[-1] for row in rows}) >= 2


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_the_tree_is_only_pooled(crowd: Any, nights: Any) -> None:
    """S13: inside an epoch and from one to the next every leaf is told as before or more coarsely; notices say it."""
    last: Epoch | None = None
    for _, made in Story(laboratory(), crowd, nights).tell():
        if isinstance(made, TrustmartError):
            continue
        tree = tree_of(made.epoch, HIERARCHIES)
        if last is None:
            assert made.epoch.notice.startswith("First told by area:")
        else:
            assert tree.coarser_than(tree_of(last, HIERARCHIES))
            assert made.epoch.number in (last.number, last.number + 1)
            if made.epoch.number > last.number:
                assert "more coarsely" in made.epoch.notice
            else:
                assert made.epoch.digest == last.digest
        last = made.epoch


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS, before=st.booleans())
def test_a_laboratory_night_that_is_told_again_is_the_same(crowd: Any, nights: Any, before: bool) -> None:
    """S12: the same night made twice, before or after it was published, gives the same rows, members and tree."""
    for made, again in Story(laboratory(), crowd, nights).tell_twice(before=before):
        assert (again.classes, again.members, again.epoch) == (made.classes, made.members, made.epoch)


@pytest.fixture
def nights() -> PeopleNights:
    """Return a laboratory whose first night is published: many people in one area, twelve in each of two others."""
    past = laboratory()
    areas = {"n1": 12, "n2": 12, "s1": 2000}
    past.change(
        {
            f"{area}{one}": (area, "round", "high" if one % 2 else "low")
            for area, people in areas.items()
            for one in range(people)
        }
    )
    past.make()
    past.publish()
    return past


def labels(night: Night) -> Counter[str]:
    """Return how many rows are told by each area."""
    found = Counter[str]()
    for rows in night.classes.values():
        for row, count in rows.items():
            found[row[0]] += count
    return found


def test_a_leaf_that_is_nearly_empty_is_told_by_the_labels_above(nights: PeopleNights) -> None:
    """S13: of twelve in an area ten leave: the two are told more coarsely, those elsewhere as before."""
    assert labels(nights.make()) == {"n1": 12, "n2": 12, "s1": 2000}
    nights.change({f"n2{one}": None for one in range(10)})
    made = nights.make()
    assert (made.epoch.number, made.made.facts["relabelled"], labels(made)["s1"]) == (1, 14, 2000)
    assert set(labels(made)) == {"north", "s1"}


def test_where_many_are_relabelled_a_new_epoch_opens(nights: PeopleNights) -> None:
    """S13: three in ten told more coarsely is no repair: readers get a new epoch and its notice, G9 no surprise."""
    nights.change({f"s1{one}": None for one in range(1970)} | {f"n2{one}": None for one in range(10)})
    made = nights.make()
    assert (made.epoch.number, made.epoch.reason) == (2, "too many had to be told more coarsely")
    assert "groups are told more coarsely than before" in made.epoch.notice
    assert nights.attacks() == []


def test_a_pooled_tree_is_kept_beside_its_epoch(nights: PeopleNights) -> None:
    """S13: the ledger holds the tree once, and later how far it is pooled; a changed entry is no tree."""
    first = nights.epoch
    nights.change({f"n2{one}": None for one in range(10)})
    pooled = nights.make().epoch
    assert first is not None
    assert newest_epoch([first.as_dict()], "mart") == first
    assert newest_epoch([first.as_dict()], "mart", poolings=[pooling_of(pooled)]) == pooled
    broken = newest_epoch([first.as_dict()], "mart", poolings=[{**pooling_of(pooled), "pooled": {}}])
    assert broken is not None
    with pytest.raises(HierarchyFault):
        tree_of(broken, HIERARCHIES)


def test_raised_minimum_levels_pool_the_tree(nights: PeopleNights) -> None:
    """S13: what policy asks to be coarser is so from the next night on, under a notice, without growing again."""
    nights.ask(
        quasi_identifiers={
            "area": {"from": "area", "hierarchy": "areas", "minimum_level": 1},
            "shape": {"from": "shape", "hierarchy": "shapes"},
        }
    )
    nights.change({})
    made = nights.make()
    assert labels(made) == {"north": 24, "south": 2000}
    assert (made.epoch.number, made.epoch.reason) == (2, "the minimum levels were raised")
    assert "more coarsely" in made.epoch.notice


def test_other_hierarchies_grow_another_tree(nights: PeopleNights) -> None:
    """S13: where the hierarchies themselves changed, the next epoch is of a tree of its own, and says so."""
    nights.ask(
        quasi_identifiers={
            "area": {"from": "area", "hierarchy": "areas", "fallback": "abroad"},
            "shape": {"from": "shape", "hierarchy": "shapes"},
        }
    )
    nights.change({})
    made = nights.make()
    assert (made.epoch.number, made.epoch.reason) == (2, "the columns or their hierarchies changed")
    assert made.epoch.notice.startswith("Told by a new tree")
