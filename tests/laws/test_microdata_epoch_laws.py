"""Nights of microdata: what a frozen recoding, and classes that are held back, promise to whoever kept every release."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.people_nights import CROWD, NIGHTS, PeopleNights, Story, release_of
from trustmart.errors import TrustmartError

K = 3
RELEASE = release_of(k=K)
SETTINGS = settings(deadline=None, max_examples=9)


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_no_two_published_versions_of_a_class_differ_by_one_to_k_minus_one_people(crowd: Any, nights: Any) -> None:
    """S12: whichever two releases somebody puts side by side, a class has changed by nobody, or by k people or more."""
    story = Story(PeopleNights(RELEASE), crowd, nights)
    for _ in story.tell():
        pass
    for name in {name for version in story.versions for name in version}:
        seen = [version.get(name, frozenset()) for version in story.versions]
        assert not any(1 <= len(a ^ b) < K for a, b in combinations(seen, 2))


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_the_gates_attacks_over_time_find_nothing(crowd: Any, nights: Any) -> None:
    """S12: what the door makes is what the gate lets out: G6, G7 and G9 hold no night that was honestly made."""
    story = Story(PeopleNights(RELEASE), crowd, nights)
    for _, made in story.tell():
        if not isinstance(made, TrustmartError):
            assert story.past.attacks() == []


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_nobody_is_relabelled_inside_an_epoch(crowd: Any, nights: Any) -> None:
    """S13: while an epoch stands, whoever has not changed is told by the same labels, or is not told."""
    story, classes, number = Story(PeopleNights(RELEASE), crowd, nights), {}, 0
    for before, made in story.tell():
        if isinstance(made, TrustmartError):
            continue
        if made.epoch.number != number:
            classes, number = {}, made.epoch.number
        classes = {one: name for one, name in classes.items() if story.past.people.get(one) == before.get(one)}
        shown_again = {
            name for name, people in made.members.items() if None in people or set(people) == story.last(name)
        }
        for name in made.members.keys() - shown_again:
            for one in made.members[name]:
                assert one in story.past.people
                assert classes.setdefault(one, name) == name


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_a_new_epoch_is_only_coarser_and_says_what_it_changes(crowd: Any, nights: Any) -> None:
    """S13: from one epoch to the next no column gets finer, and the notice names each that gets coarser, and how."""
    last = None
    for _, made in Story(PeopleNights(RELEASE), crowd, nights).tell():
        if isinstance(made, TrustmartError) or made.epoch == last:
            continue
        epoch, notice = made.epoch, made.made.facts["notice"]
        assert (epoch.number, made.made.facts["epoch"]) == ((last.number + 1 if last else 1),) * 2
        for column, level in epoch.levels.items():
            if last is None:
                assert f"{column}: {epoch.level_names[column]}" in notice
            else:
                assert level >= last.levels[column]
                assert (f"{column} is told by" in notice) == (level > last.levels[column])
        last = epoch


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_what_is_published_is_common_and_diverse(crowd: Any, nights: Any) -> None:
    """S11: every night, held back or not, a whole row is shared by k people, a class by two values close to all."""
    story = Story(PeopleNights(RELEASE), crowd, nights)
    for _, made in story.tell():
        if isinstance(made, TrustmartError):
            continue
        bands = Counter(band for _, _, band in story.past.people.values())
        for rows in made.classes.values():
            assert min(rows.values()) >= K
            held = Counter[str]()
            for row, count in rows.items():
                held[row[-1]] += count
            assert len(held) >= 2
            distance = {b: held[b] / held.total() - bands[b] / bands.total() for b in {*held, *bands}}
            assert sum(max(one, 0) for one in distance.values()) <= 0.5 + 1e-9


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS)
def test_nobody_is_left_out_beyond_the_budget_in_silence(crowd: Any, nights: Any) -> None:
    """S12: a night leaves out as many as policy allows, or opens a new epoch that does, or there is no candidate."""
    story, last = Story(PeopleNights(RELEASE), crowd, nights), None
    for _, made in story.tell():
        if isinstance(made, TrustmartError):
            assert str(made)
            continue
        assert made.made.people_suppressed <= RELEASE.maximum_suppressed * len(story.past.people)
        if last is not None and made.epoch.number != last:
            assert made.made.facts["epoch_reason"] == "too many people would have been left out"
        last = made.epoch.number


@SETTINGS
@given(crowd=CROWD, nights=NIGHTS, before=st.booleans())
def test_a_night_that_is_told_again_is_the_same(crowd: Any, nights: Any, before: bool) -> None:
    """S12: the same night made twice, before or after it was published, gives the same rows, members and epoch."""
    for made, again in Story(PeopleNights(RELEASE), crowd, nights).tell_twice(before=before):
        assert (again.classes, again.members, again.epoch) == (made.classes, made.members, made.epoch)


@pytest.fixture
def nights() -> PeopleNights:
    """Return a mart that was never published."""
    return PeopleNights(RELEASE)


def crowd(area: str, high: int, low: int, *, first: int = 0, shape: str = "round") -> dict[str, Any]:
    """Return people of one area and shape: so many high ones, then so many low ones."""
    bands = ["high"] * high + ["low"] * low
    return {str(first + place): (area, shape, band) for place, band in enumerate(bands)}


def test_suppressed_rows_do_not_count_as_joiners(nights: PeopleNights) -> None:
    """S12: a class with two rows too rare to be told stays as it is, and is not held back, when nothing changes."""
    nights.change({**crowd("n1", 4, 4), **crowd("n1", 1, 0, first=20)})
    nights.people["21"] = ("n1", "round", "middle")
    for _ in range(3):
        made = nights.make()
        assert (made.made.rows, made.made.facts["held_back"], nights.attacks()) == (9, 0, [])
        nights.publish()
        nights.change({})


def test_one_who_joins_many_is_not_told_of_by_an_older_release(nights: PeopleNights) -> None:
    """S12: four, then eight, then five again, one of them new: beside the first release the third would tell of one."""
    everybody = {**crowd("s1", 4, 4, first=30)}
    nights.change({**everybody, **crowd("n1", 3, 3)})
    nights.make()
    nights.publish()
    nights.change(crowd("n1", 3, 6, first=6))
    assert nights.make().made.rows == 23
    nights.publish()
    nights.change({str(one): None for one in range(7, 15)})
    made = nights.make()
    assert (made.made.facts["held_back"], made.made.rows, nights.attacks()) == (1, 23, [])


def test_a_class_vanishes_only_where_k_have_left_it(nights: PeopleNights) -> None:
    """S12: one of three low ones leaves, and the class would go: it shows its last rows. Two more, and it goes."""
    nights.change({**crowd("s1", 5, 5, first=30), **crowd("n1", 3, 3)})
    nights.make()
    nights.publish()
    nights.change({"5": None})
    assert (nights.make().made.facts["held_back"], nights.make().made.rows) == (1, 16)
    nights.publish()
    nights.change({"4": None, "3": None})
    assert (nights.make().made.facts["held_back"], nights.make().made.rows) == (0, 10)


def test_raised_minimum_levels_open_an_epoch(nights: PeopleNights) -> None:
    """S13: what policy asks to be coarser is told so from the next night on, under a notice."""
    nights.change({**crowd("s1", 4, 4, first=30), **crowd("n1", 4, 4)})
    nights.make()
    nights.publish()
    nights.ask(
        quasi_identifiers={
            "area": {"from": "area", "hierarchy": "areas", "minimum_level": 1},
            "shape": {"from": "shape", "hierarchy": "shapes"},
        }
    )
    nights.change({})
    made = nights.make()
    assert made.made.facts["epoch_reason"] == "the minimum levels were raised"
    assert made.made.facts["notice"].startswith("area is told by")
    assert {row[0] for rows in made.classes.values() for row in rows} == {"north", "south"}


def test_who_moved_while_both_classes_were_held_back_is_not_relabelled(nights: PeopleNights) -> None:
    """S13: one moves and is not shown to; a night later two more leave and two more come, and all of it is seen."""
    nights.change({**crowd("n1", 4, 4), **crowd("s1", 4, 4, first=30)})
    nights.make()
    nights.publish()
    nights.change({"7": ("s1", "round", "low")})
    assert nights.make().made.facts["held_back"] == 2
    nights.publish()
    nights.change({"0": None, "6": None, "40": ("s1", "round", "low"), "41": ("s1", "round", "high")})
    assert (nights.make().made.facts["held_back"], nights.attacks()) == (0, [])
