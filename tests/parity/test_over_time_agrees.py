"""Two implementations agree: the attacks over time in SQL, and the same written out person by person."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.memory_zone import MemoryZone
from trustmart.gates.attacks import ATTACKS, sharing

DAY = timedelta(days=1)
START = datetime(2026, 1, 1)
CLASSES = st.sampled_from(["a", "b", "c"])
PEOPLE = st.integers(0, 7).map(str)
# Somebody's nights: the class they were published in, or None where they were not there.
LIVES = st.dictionaries(PEOPLE, st.lists(st.none() | CLASSES, min_size=4, max_size=4), max_size=8)
# Forgotten people, by the class they were last published in and the night they had come at.
FORGOTTEN = st.lists(st.tuples(CLASSES, st.integers(0, 3)), max_size=3)
NAMELESS = st.lists(CLASSES, max_size=3)

Spell = tuple[str, str, int, int | None]


class Reader(MemoryZone):
    """A restricted zone in memory."""

    def __init__(self) -> None:
        """Make empty tables."""
        super().__init__(
            'create table restricted.anonymized_door."mart__members" (class_id varchar, subject_id varchar)',
            "create table restricted.main.members_before"
            " (mart varchar, class_id varchar, subject_id varchar, since timestamp, until timestamp)",
            "create table restricted.main.releases_before (mart varchar, released_at timestamp, release_id varchar)",
            "create table restricted.main.raw (subject_id varchar, _ingested_as_of timestamp)",
        )


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """Return one connection for all examples."""
    made = Reader()
    yield made
    made.connection.close()


def spells_of(lives: dict[str, list[str | None]]) -> list[Spell]:
    """Return who was in which class from which night until which (None: still)."""
    found: list[Spell] = []
    for one, nights in lives.items():
        start = 0
        for night in range(1, len(nights) + 1):
            if night == len(nights) or nights[night] != nights[start]:
                if (name := nights[start]) is not None:
                    found.append((name, one, start, None if night == len(nights) else night))
                start = night
    return found


def at(night: int) -> datetime:
    """Return a night's instant."""
    return START + night * DAY


@settings(deadline=None, max_examples=40)
@given(lives=LIVES, tonight=st.dictionaries(PEOPLE, CLASSES), forgotten=FORGOTTEN, nameless=NAMELESS)
@pytest.mark.parametrize("is_shared", [False, True])
def test_attacks_over_time_count_what_one_would_count_by_hand(
    reader: Reader,
    is_shared: bool,
    lives: dict[str, list[str | None]],
    tonight: dict[str, str],
    forgotten: list[tuple[str, int]],
    nameless: list[str],
) -> None:
    """(S12) Differences, intersections and relabellings over four releases, those without a name included."""
    spells = spells_of(lives)
    rows = [("mart", c, one, at(a), None if b is None else at(b)) for c, one, a, b in spells]
    rows += [("mart", c, None, at(a), at(3) + DAY / 2) for c, a in forgotten]
    reader.fill("main.members_before", rows)
    reader.fill("main.releases_before", [("mart", at(night), "r") for night in range(4)])
    reader.fill("main.raw", [("0", at(0)), ("1", at(9))])
    shown = [(c, one) for one, c in tonight.items()]
    reader.fill('anonymized_door."mart__members"', [*shown, *((c, None) for c in nameless)])

    numbers: dict[str, int] = defaultdict(int)
    for c, a in sorted(forgotten, key=lambda one: one[1]):
        spells.append((c, f"nameless {numbers[c]}", a, None if c in nameless else 4))
        numbers[c] += 1
    now = {*shown, *((c, f"nameless {nameless[:place].count(c)}") for place, c in enumerate(nameless))}

    if is_shared:
        with sharing(reader):
            found = {name: figures(reader, name, **asked) for name, asked in ASKED.items()}
    else:
        found = {name: figures(reader, name, **asked) for name, asked in ASKED.items()}
    changes = [n for night in range(4) for n in changed(now, there_at(spells, night)).values() if n]
    few = [n for n in changes if n < 3]
    assert found["differencing"]["most_people_of_a_small_change"] == max(few, default=0)
    assert found["differencing"]["smallest_change"] == min(changes, default=None)
    stayed = [sum(came(spells, *two) <= came(spells, *one) for two in now if two[0] == one[0]) for one in now]
    assert found["intersection"]["people_below_k"] == sum(n < 3 for n in stayed)
    assert found["intersection"]["smallest_intersection"] == min(stayed, default=None)
    classes = {one: c for c, one in now if "nameless" not in one} | {
        f"{one} of {c}": c for c, one in now if "nameless" in one
    }
    before = {one if "nameless" not in one else f"{one} of {c}": c for c, one in there_at(spells, 3)}
    untouched = [one for one in before if one in classes and one != "1"]
    assert found["stability"]["untouched"] == len(untouched)
    moved = sum(classes[one] != before[one] for one in untouched)
    assert found["stability"]["relabelled_share"] == pytest.approx(moved / max(1, len(untouched)), abs=1e-6)


ASKED: dict[str, dict[str, Any]] = {
    "differencing": {"minimum_class_size": 3},
    "intersection": {"minimum_class_size": 3},
    "stability": {"changed_in": ["raw"], "tree": False, "epoch": "e"},
}


def figures(reader: Reader, name: str, **asked: Any) -> dict[str, Any]:
    """Return what an attack brings back."""
    return dict(ATTACKS[name](reader, mart="mart", **asked).figures)


def there_at(spells: list[Spell], night: int) -> set[tuple[str, str]]:
    """Return who was in which class at a release."""
    return {(c, one) for c, one, a, b in spells if a <= night and (b is None or b > night)}


def changed(now: set[tuple[str, str]], then: set[tuple[str, str]]) -> dict[str, int]:
    """Return how many joined or left each class."""
    found: dict[str, int] = defaultdict(int)
    for c, _ in now ^ then:
        found[c] += 1
    return found


def came(spells: list[Spell], name: str, person: str) -> int:
    """Return the night since which somebody stands in a class; later than any where they are new."""
    return min((a for c, one, a, b in spells if (c, one) == (name, person) and b is None), default=99)
