"""Laws of hierarchies and of the codes that stand for them."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustmart.anonymity.encoding import lay_out
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.hierarchy_building import calendar, categories, flat, prefixes, ranges, tree
from trustmart.errors import HierarchyFault

BORN = calendar("born", date(1999, 12, 30), date(2001, 1, 2), fallback="another day")
AGE = ranges("age", 0, 120, [1, 5, 10, 20])
PLACE = prefixes("place", ["75011", "75012", "69001", "1000"], length=5, fallback="elsewhere")
JOB = tree("job", {"care": {"hospital": ["nurse", "doctor"], "home": ["carer"]}, "none": ["retired"]})
ALL = [BORN, AGE, PLACE, JOB]
VALUES = {
    "born": st.one_of(st.none(), st.dates(date(1999, 1, 1), date(2002, 1, 1))),
    "age": st.one_of(st.none(), st.integers(0, 119)),
    "place": st.sampled_from([None, "75011", "75012", "69001", "1000", "\U0001f30d"]),
    "job": st.sampled_from([None, "nurse", "doctor", "carer", "retired"]),
}
ROWS = st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=12)
LEVELS = st.tuples(*(st.integers(0, hierarchy.levels - 1) for hierarchy in ALL))


@given(rows=ROWS, levels=LEVELS, floor=st.booleans())
def test_equal_under_the_mask_is_equal_in_every_label(rows: list[dict[str, Any]], levels: Any, floor: bool) -> None:
    """S12: one mask per node tells the same classes apart as the labels do, nulls and strangers included."""
    layout = lay_out(ALL, floor=levels if floor else None)
    masks, keys, labels = layout.masks(levels), [], []
    for row in rows:
        words = [0] * layout.key_count
        for column, hierarchy in enumerate(ALL):
            words[layout.keys[column]] |= int(layout.leaf_codes(column)[hierarchy.leaf_of(row[hierarchy.name])])
        keys.append(tuple(word & mask for word, mask in zip(words, masks, strict=True)))
        labels.append(tuple(h.generalize(row[h.name], level) for h, level in zip(ALL, levels, strict=True)))
    assert len(set(zip(keys, labels, strict=True))) == len(set(keys)) == len(set(labels))


@given(hierarchy=st.sampled_from(ALL), data=st.data())
def test_coarser_joins_and_never_parts(hierarchy: Hierarchy, data: Any) -> None:
    """S18: two values with one label have one label on every coarser level, and all have `*` at the top."""
    one, other = (data.draw(VALUES[hierarchy.name]) for _ in range(2))
    alike = [
        hierarchy.generalize(one, level) == hierarchy.generalize(other, level) for level in range(hierarchy.levels)
    ]
    assert alike == sorted(alike)
    assert hierarchy.generalize(one, hierarchy.levels - 1) == "*"


@pytest.mark.parametrize("hierarchy", ALL, ids=lambda h: h.name)
def test_every_level_covers_every_leaf_once(hierarchy: Hierarchy) -> None:
    """S12: the leaves under the labels of a level add up to the domain."""
    for level in range(hierarchy.levels):
        assert sum(hierarchy.leaf_counts(level)) == hierarchy.domain
        assert Counter(hierarchy.ancestors(level).tolist()) == Counter(dict(enumerate(hierarchy.leaf_counts(level))))


def test_labels_read_as_a_person_expects() -> None:
    """S18: a day of birth becomes month, quarter, year, five years, decade; a postcode loses its end."""
    said = [BORN.generalize(date(2000, 2, 29), level) for level in range(BORN.levels)]
    assert said == ["2000-02-29", "2000-02", "2000-Q1", "2000", "2000-2004", "2000-2009", "*"]
    assert [AGE.generalize(42, level) for level in range(5)] == ["42", "40-44", "40-49", "40-59", "*"]
    assert [PLACE.generalize("75011", level) for level in range(6)] == [
        "75011",
        "7501*",
        "750**",
        "75***",
        "7****",
        "*",
    ]
    assert [JOB.generalize("retired", level) for level in range(4)] == ["retired", "retired", "none", "*"]
    assert ranges("income", 0, 2, [0.5, 1]).generalize(0.7, 0) == "[0.5, 1)"


def test_instants_count_by_their_day_in_utc() -> None:
    """S18: date, text and instants with a zone find the same leaf."""
    for value in ("2000-02-29", "2000-02-29T23:00:00", datetime(2000, 2, 29, 5), datetime(2000, 2, 29, 23, tzinfo=UTC)):
        assert BORN.generalize(value, 0) == "2000-02-29"


def test_strangers_go_to_the_fallback_or_are_refused() -> None:
    """S12: a value outside is never dropped in silence, and never repeated in the error."""
    assert PLACE.generalize("99999", 2) == "elsewhere"
    assert BORN.generalize("no day at all", 0) == "another day"
    with pytest.raises(HierarchyFault, match="outside the hierarchy") as refused:
        JOB.generalize("astronaut", 1)
    assert "astronaut" not in str(refused.value)
    assert JOB.leaf_of("astronaut") is None


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: categories("c", [("a", "x", "1"), ("b", "x", "2")]), "no tree: 1 labels of level group 1"),
        (lambda: categories("c", [("a", "x"), ("b",)]), "have one length"),
        (lambda: categories("c", [("a", "x"), ("a", "x")]), "1 leaves occur more than once"),
        (lambda: categories("c", [("a", "")]), "empty label"),
        (lambda: categories("c", [("a", "other")], fallback="other"), "also a label of level group 1"),
        (lambda: categories("c", [("a", "x")], level_names=["one"]), "as many names"),
        (lambda: ranges("c", 0, 10, [2, 3]), "multiple of the one before"),
        (lambda: ranges("c", 1, 10, [2]), "multiples of the finest width"),
        (lambda: ranges("c", 10, 0, [1]), "start below their end"),
        (lambda: ranges("c", 0, 10**9, [1]), "more than 2,000,000"),
        (lambda: calendar("c", date(2001, 1, 1), date(2000, 1, 1)), "ends before it begins"),
        (lambda: prefixes("c", ["1234"], length=4, keep=[4, 4]), "ever fewer"),
        (lambda: flat("c", ["a"]).level("nowhere"), "there is no level"),
    ],
)
def test_what_is_no_hierarchy_is_refused_with_the_reason(build: Any, said: str) -> None:
    """S12: an error names the column and what is wrong with it."""
    with pytest.raises(HierarchyFault, match=said) as refused:
        build()
    assert str(refused.value).startswith("c:")


def test_the_digest_tells_hierarchies_apart() -> None:
    """S12: whatever changes what a value becomes changes the digest; building it again does not."""
    assert flat("c", ["a", "b"]).digest == flat("c", ["b", "a"]).digest
    assert len({flat("c", ["a"]).digest, flat("c", ["b"]).digest, flat("c", ["a"], fallback="x").digest}) == 3
