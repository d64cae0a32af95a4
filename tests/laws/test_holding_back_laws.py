"""Nights of an open cube: what one night's figures say beside those of the nights before."""

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.cubes import COLUMNS, CubeWarehouse, Record, release_of
from trustmart.warehouse.release_history import (
    MEMBERS,
    MEMBERS_BEFORE,
    RELEASES,
    RELEASES_BEFORE,
    forget_members,
    has_later,
    is_as_published,
    look_back,
    prune,
    remember,
)

K = 3
FIRST_NIGHT = datetime(2026, 1, 1, 3, tzinfo=UTC)
RELEASE = release_of(k=K, hold_back=True)
# A night: who is in which class, whether the gate lets the mart out, and who asks to be forgotten the day after.
PEOPLE = st.dictionaries(st.integers(0, 9).map(str), st.sampled_from(["a", "b", None]), max_size=10)
NIGHTS = st.lists(st.tuples(PEOPLE, st.booleans(), st.sets(st.integers(0, 9).map(str), max_size=2)), max_size=8)

Version = tuple[tuple[Any, ...], frozenset[str]]


def class_id(labels: tuple[Any, ...]) -> str:
    """Return a class's name."""
    return hashlib.md5("|".join("∅" if one is None else str(one) for one in labels).encode()).hexdigest()


def records_of(people: dict[str, str | None]) -> list[Record]:
    """Return a record per person."""
    return [
        {"subject_id": one, "region": label, "band": "x", "group": "x", "amount": int(one), "flag": True}
        for one, label in people.items()
    ]


class Nights:
    """Makes and publishes night after night, and keeps what readers have seen."""

    def __init__(self) -> None:
        """Nothing is published yet."""
        self.warehouse = CubeWarehouse()
        self.seen: dict[str, list[Version]] = {}
        self.gone: set[str] = set()
        self.number = 0
        self.standing = False

    def make(self, people: dict[str, str | None]) -> dict[str, Version]:
        """Make tonight's candidate; return its classes: the row, and the people in it as the classes were made of."""
        self.warehouse.load(records_of({one: label for one, label in people.items() if one not in self.gone}))
        look_back(self.warehouse.session, before=FIRST_NIGHT + timedelta(days=self.number + 1))
        self.warehouse.make(RELEASE, standing="restricted.main.standing" if self.standing else None)
        tonight: dict[str, set[str]] = {}
        for one, label in people.items():
            if one not in self.gone:
                tonight.setdefault(class_id((label, "x", "x")), set()).add(one)
        made: dict[str, Version] = {}
        members = self.warehouse.members()
        for row in self.warehouse.candidate():
            name = class_id(row[: len(COLUMNS)])
            written = [one for one_class, one in members if one_class == name]
            last = self.seen.get(name, [(None, frozenset())])[-1]
            is_fresh = None not in written and set(written) == tonight.get(name, set())
            made[name] = (row, frozenset(tonight[name])) if is_fresh else last  # type: ignore[assignment]
            assert row == made[name][0] or is_fresh
            assert row[len(COLUMNS)] == len(written) == len(made[name][1]) >= K
        return made

    def publish(self, made: dict[str, Version]) -> None:
        """Publish the candidate and take down who is in it."""
        self.number += 1
        session = self.warehouse.session
        session.run("create or replace table restricted.standing as from restricted.anonymized_candidate.mart")
        for _ in range(2):
            remember(
                session,
                mart="mart",
                members="restricted.anonymized_door.mart__members",
                released_at=FIRST_NIGHT + timedelta(days=self.number),
                release_id=str(self.number),
            )
        self.standing = True
        for name, version in made.items():
            self.seen.setdefault(name, []).append(version)

    def forget(self, people: set[str]) -> None:
        """Forget people half a day after the last release."""
        self.gone |= people
        session = self.warehouse.session
        session.run("create or replace temporary table asked (subject_id varchar)")
        for one in people:
            session.run("insert into asked values (?)", [one])
        forget_members(session, "asked", at=FIRST_NIGHT + timedelta(days=self.number, hours=12, seconds=len(self.gone)))


@settings(deadline=None, max_examples=25)
@given(nights=NIGHTS)
def test_no_two_published_versions_of_a_class_differ_by_one_to_k_minus_one_people(nights: list[Any]) -> None:
    """S12: over any nights, held releases, disappearances and forgettings, a change shows at least k people or nobody."""
    past = Nights()
    for people, is_released, forgotten in nights:
        made = past.make(people)
        if is_released:
            past.publish(made)
        past.forget(forgotten)
    for versions in past.seen.values():
        for (_, before), (_, after) in pairwise(versions):
            assert not 1 <= len(before ^ after) < K
    kept = past.warehouse.session.rows(f"select distinct subject_id from {MEMBERS}")
    assert not past.gone & {subject for (subject,) in kept}
    past.warehouse.connection.close()


@pytest.fixture
def nights() -> Nights:
    """Return a mart that was never published."""
    return Nights()


def everybody(label: str, *numbers: int) -> dict[str, str | None]:
    """Return people in one class."""
    return {str(number): label for number in numbers}


def test_one_joiner_waits_for_others(nights: Nights) -> None:
    """S12: a class of four shows four until three have joined."""
    sizes = []
    for count in (4, 5, 6, 7, 7):
        made = nights.make(everybody("a", *range(count)))
        nights.publish(made)
        sizes.append(next(iter(made.values()))[0][len(COLUMNS)])
    assert sizes == [4, 4, 4, 7, 7]


def test_a_class_does_not_vanish_because_one_person_left(nights: Nights) -> None:
    """S12: three people, then two: the last figures stand. Then none: it goes."""
    nights.publish(nights.make(everybody("a", 0, 1, 2)))
    nights.publish(nights.make(everybody("a", 0, 1)))
    assert len(nights.warehouse.candidate()) == 1
    nights.publish(nights.make({}))
    assert nights.warehouse.candidate() == []


def test_the_forgotten_are_counted_without_a_name(nights: Nights) -> None:
    """S12: of five, one is forgotten, then one leaves: two are not enough to be seen; the third shows all."""
    nights.publish(nights.make(everybody("a", *range(5))))
    nights.forget({"4"})
    nights.publish(nights.make(everybody("a", *range(4))))
    assert (nights.warehouse.candidate()[0][len(COLUMNS)], len(nights.warehouse.members())) == (5, 5)
    nights.publish(nights.make(everybody("a", *range(3))))
    assert nights.warehouse.candidate()[0][len(COLUMNS)] == 5
    nights.publish(nights.make({**everybody("a", *range(3)), "7": "a"}))
    assert nights.warehouse.candidate()[0][len(COLUMNS)] == 4


def test_without_the_standing_mart_a_class_waits(nights: Nights) -> None:
    """S12: what cannot be shown again is not shown fresh either."""
    nights.publish(nights.make(everybody("a", *range(4))))
    nights.standing = False
    nights.warehouse.load(records_of(everybody("a", *range(5))))
    look_back(nights.warehouse.session, before=FIRST_NIGHT + timedelta(days=2))
    made = nights.warehouse.make(RELEASE)
    assert (made.rows, made.people_suppressed, made.facts["cells_withheld"]["waits"]) == (0, 5, 1)


def test_only_the_last_releases_are_kept(nights: Nights) -> None:
    """S12: after pruning, who left before is gone from the history, and who is in it stays."""
    nights.publish(nights.make(everybody("a", *range(9))))
    for night in range(4):
        nights.publish(nights.make(everybody("b" if night % 2 else "a", *range(9))))
    session = nights.warehouse.session
    prune(session, mart="mart", keep=2)
    assert session.value(f"select count(*) from {RELEASES}") == 2
    assert session.rows(f"select count(*), count(until) from {MEMBERS}") == [(18, 9)]


HISTORY = f"select class_id, subject_id, since, until is null from {MEMBERS_BEFORE} order by all"


def test_a_night_looks_back_on_the_releases_before_it(nights: Nights) -> None:
    """S12: joiners, leavers and the forgotten are what they were before a night, after it and after the next."""
    session = nights.warehouse.session
    nights.publish(nights.make(everybody("a", *range(6))))
    nights.forget({"5"})
    second = FIRST_NIGHT + timedelta(days=2)
    look_back(session, before=second)
    before = session.rows(HISTORY)
    for _ in range(2):
        nights.publish(nights.make({**everybody("a", *range(3)), **everybody("b", 6, 7, 8)}))
        look_back(session, before=second)
        assert session.rows(HISTORY) == before
        assert session.value(f"select count(*) from {RELEASES_BEFORE}") == 1
    assert session.value(f"select count(*) from {RELEASES}") == 3


def test_a_night_that_is_told_again_is_taken_down_once(nights: Nights) -> None:
    """S12: the second telling of a night replaces the first, whoever was in it."""
    session, people = nights.warehouse.session, everybody("a", *range(6))
    nights.publish(nights.make(people))
    nights.publish(nights.make({**people, **everybody("b", 6, 7, 8)}))
    history = session.rows(f"select * from {MEMBERS} order by all")
    nights.number = 1
    nights.publish(nights.make(everybody("b", *range(6))))
    nights.number = 1
    nights.publish(nights.make({**people, **everybody("b", 6, 7, 8)}))
    assert session.rows(f"select * from {MEMBERS} order by all") == history


def test_a_past_night_is_known_by_its_members(nights: Nights) -> None:
    """S12: once a later night is out, an earlier one is as it was published, or it is another; the history stands."""
    session, members = nights.warehouse.session, "restricted.anonymized_door.mart__members"
    people = everybody("a", *range(6))
    nights.publish(nights.make(people))
    nights.publish(nights.make({**people, **everybody("b", 6, 7, 8)}))
    first, history = FIRST_NIGHT + timedelta(days=1), session.rows(f"select * from {MEMBERS} order by all")
    assert has_later(session, mart="mart", than=first)
    nights.number, nights.standing = 0, False
    nights.make(people)
    assert is_as_published(session, mart="mart", members=members, released_at=first)
    nights.make(everybody("a", *range(5)))
    assert not is_as_published(session, mart="mart", members=members, released_at=first)
    assert not is_as_published(session, mart="mart", members=members, released_at=first - timedelta(days=9))
    remember(session, mart="mart", members=members, released_at=first, release_id="again")
    assert session.rows(f"select * from {MEMBERS} order by all") == history
