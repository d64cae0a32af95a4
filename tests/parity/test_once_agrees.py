"""Two implementations agree: labels that end where a class ends, and what plain Python reads from them."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.slow_tree import is_safe
from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.search import SensitiveColumn
from trustmart.anonymity.utility import certainty_penalty
from trustmart.anonymizing.config import ReleaseConfig
from trustmart.anonymizing.files import engine, open_table
from trustmart.anonymizing.requirements import requirements_of
from trustmart.anonymizing.tree_release import TreeReleased, release_by_tree
from trustmart.errors import NoRecoding, ReleaseFault, TableUnfit

# Groups do not lie side by side as the file lists them.
PLACES = {"A": ["a1", "a2", "a3", "a4", "a5"], "B": ["b1"], "C": ["c1", "c2", "c3", "c4", "c5", "c6"]}
COLUMNS: dict[str, Any] = {
    "age": {"hierarchy": {"ranges": {"from": 0, "to": 30, "widths": [1, 10]}}, "fallback": "other"},
    "born": {"hierarchy": {"calendar": {"from": "1999-01-01", "to": "2001-12-31"}}, "minimum_level": "month"},
    "place": {"hierarchy": {"tree": PLACES}, "fallback": "elsewhere", "weight": 2},
}
SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("age", pa.int64()),
        ("born", pa.string()),
        ("place", pa.string()),
        ("illness", pa.string()),
    ]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.one_of(st.none(), st.integers(0, 31)),
            "born": st.one_of(st.none(), st.dates(*(pa.scalar(d, pa.date32()).as_py() for d in (10592, 11322)))).map(
                lambda day: None if day is None else day.isoformat()
            ),
            "place": st.sampled_from([*(place for group in PLACES.values() for place in group), "\U0001f30d", None]),
            "illness": st.sampled_from(["flu", "flu", "gout"]),
        }
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all examples."""
    return tmp_path_factory.mktemp("once")


def _config(k: int, sensitive: Any = None, **more: Any) -> ReleaseConfig:
    """Ask for a tree that is published once."""
    return ReleaseConfig.model_validate(
        {
            "minimum_class_size": k,
            "quasi_identifiers": COLUMNS,
            "sensitive": sensitive or {},
            "publish": ["number"],
            "method": "tree",
            "once": True,
            **more,
        }
    )


def _release(folder: Path, rows: Any, config: ReleaseConfig) -> tuple[TreeReleased, list[dict[str, Any]]]:
    """Publish rows, each with its number, and read them back in their order."""
    table = pa.Table.from_pylist([{**row, "number": number} for number, row in enumerate(rows)], SCHEMA)
    parquet.write_table(table, folder / "in.parquet")
    with engine() as session:
        done = release_by_tree(session, open_table(session, folder / "in.parquet"), config, folder / "out.parquet")
    return done, sorted(parquet.read_table(folder / "out.parquet").to_pylist(), key=lambda row: row["number"])


def _meaning(hierarchy: Hierarchy, low: int) -> dict[str | None, frozenset[int]]:
    """Return the leaves under every label, and under every run of one level, that may be published."""
    order = sorted(range(hierarchy.domain), key=lambda leaf: [int(a[leaf]) for a in _upwards(hierarchy)])
    found: dict[str | None, frozenset[int]] = {}
    for level in range(hierarchy.levels - 1, low - 1, -1):
        nodes = list(dict.fromkeys(int(hierarchy.ancestors(level)[leaf]) for leaf in order))
        leaves = [frozenset(leaf for leaf in order if hierarchy.ancestors(level)[leaf] == node) for node in nodes]
        labels = [hierarchy.labels[level][node] for node in nodes]
        for first in range(len(nodes)):
            covered: frozenset[int] = frozenset()
            for last in range(first, len(nodes)):
                covered |= leaves[last]
                found[labels[first] if first == last else f"{labels[first]} to {labels[last]}"] = covered
    return found


def _upwards(hierarchy: Hierarchy) -> list[Any]:
    """Return the ancestors of all leaves, the top level first."""
    return [hierarchy.ancestors(level) for level in range(hierarchy.levels - 1, -1, -1)]


@pytest.mark.parametrize("sensitive", [{}, {"illness": {"distinct": 2}}], ids=["k", "distinct"])
@settings(max_examples=20)
@given(rows=ROWS, k=st.integers(2, 4))
def test_labels_cover_their_people_and_end_where_the_class_ends(
    folder: Path, sensitive: Any, rows: Any, k: int
) -> None:
    """(S12) Everybody is published, behind a label that covers them, in a safe class; the loss is that of the labels."""
    config = _config(k, sensitive)
    try:
        done, published = _release(folder, rows, config)
    except (NoRecoding, TableUnfit):
        return
    assert [row["number"] for row in published] == list(range(len(rows)))
    classes, lost, weights = defaultdict(list), 0.0, {name: asked.get("weight", 1) for name, asked in COLUMNS.items()}
    for row, told in zip(rows, published, strict=True):
        classes[tuple(told[name] for name in COLUMNS)].append(row)
    for name, asked in config.quasi_identifiers.items():
        hierarchy = declared_hierarchy(name, asked.hierarchy, fallback=asked.fallback)
        means = _meaning(hierarchy, hierarchy.level(asked.minimum_level))
        for row, told in zip(rows, published, strict=True):
            covered = means[told[name]]
            assert hierarchy.leaf_of(row[name]) in covered
            lost += weights[name] * certainty_penalty(len(covered), hierarchy.domain)
    asked_of_all = requirements_of(config, dict.fromkeys(config.sensitive, SensitiveColumn(("flu", "gout"), [])))  # type: ignore[arg-type]
    assert all(is_safe(members, rows, asked_of_all, k) for members in classes.values())
    assert done.loss == pytest.approx(lost / len(rows) / sum(weights.values()))
    assert done.measures.suppressed == 0


def test_a_class_is_told_from_its_first_to_its_last(folder: Path) -> None:
    """(S12) Runs of ages, of months and of places; a whole year is that year; nulls stay null."""
    people = [(3, "1999-02-03", "a2"), (4, "1999-04-05", "a4"), (21, "2000-01-01", None), (24, "2000-12-31", None)]
    rows = [{"age": age, "born": born, "place": place, "illness": "flu"} for age, born, place in people]
    _, published = _release(folder, rows, _config(2))
    told = [(row["age"], row["born"], row["place"]) for row in published]
    assert told == [("3 to 4", "1999-02 to 1999-04", "a2 to a4")] * 2 + [("21 to 24", "2000", None)] * 2


def test_what_is_published_once_keeps_no_tree_for_later(folder: Path) -> None:
    """(S13) Labels that end where people end have no place for who comes tomorrow, so no night goes by such a tree."""
    rows = [{"age": age, "born": None, "place": "a1", "illness": "flu"} for age in (1, 1, 8, 8)]
    done, _ = _release(folder, rows, _config(2))
    with engine() as session:
        table = open_table(session, folder / "in.parquet")
        with pytest.raises(ReleaseFault, match="once"):
            release_by_tree(session, table, _config(2), folder / "out.parquet", frozen=done.tree)
    with pytest.raises(ValueError, match="needs no reserve"):
        _config(2, reserve=1)
    with pytest.raises(ValueError, match="once is for method: tree"):
        _config(2, method="full_domain")
