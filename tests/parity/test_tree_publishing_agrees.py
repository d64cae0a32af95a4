"""Two implementations agree: where the engine's one statement sends rows down a tree, and where Python does."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from parity.test_publishing_agrees import QUASI_IDENTIFIERS, ROWS, SCHEMA, SENSITIVE

from support.slow_tree import SlowTree, is_safe
from trustmart.anonymity.search import SensitiveColumn
from trustmart.anonymizing.config import ReleaseConfig
from trustmart.anonymizing.files import engine, open_table
from trustmart.anonymizing.requirements import requirements_of
from trustmart.anonymizing.tree_release import release_by_tree
from trustmart.errors import HierarchyFault, NoRecoding, TableUnfit


def _config(model: str, k: int, **more: Any) -> ReleaseConfig:
    """Ask for a tree."""
    asked = {"minimum_class_size": k, "quasi_identifiers": QUASI_IDENTIFIERS, "sensitive": SENSITIVE[model]}
    return ReleaseConfig.model_validate({**asked, "method": "tree", "reserve": 0, **more})


def _write(folder: Path, rows: Any, name: str = "in") -> Path:
    """Write rows."""
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all examples."""
    return tmp_path_factory.mktemp("trees")


@pytest.mark.parametrize("model", sorted(SENSITIVE))
@settings(max_examples=10)
@given(rows=ROWS)
def test_the_engine_sends_rows_where_python_would(folder: Path, model: str, rows: Any) -> None:
    """(S12) Same labels for every row under every model; nulls, strangers and emoji included, and nobody left out."""
    output, config = folder / "out.parquet", _config(model, 2)
    with engine() as session:
        try:
            done = release_by_tree(session, open_table(session, _write(folder, rows)), config, output)
        except (NoRecoding, TableUnfit):
            return
        names = list(QUASI_IDENTIFIERS)
        column = SensitiveColumn(tuple(Counter(row["illness"] for row in rows)), [])  # type: ignore[arg-type]
        asked = requirements_of(config, dict.fromkeys(config.sensitive, column))
        slow = SlowTree(done.tree.hierarchies, asked, (1, 1, 2), (0, 1, 0), 0)
        root = slow.grow(rows)
        kept = list(config.sensitive)
        expected = [(*slow.says(slow.route(root, row).labels), *(row[c] for c in kept)) for row in rows]
        published = parquet.read_table(output).to_pylist()
        assert Counter(tuple(row[c] for c in [*names, *kept]) for row in published) == Counter(expected)
        assert done.measures.suppressed == 0
        assert done.loss == pytest.approx(sum(slow.loss(leaf) * len(leaf.rows) for leaf in root.leaves()) / len(rows))
        again = release_by_tree(session, open_table(session, folder / "in.parquet"), config, output, frozen=done.tree)
        assert again.tree.digest == done.tree.digest
        assert is_safe(rows, rows, asked, asked.k)


def test_another_night_is_only_coarser_and_a_table_beyond_repair_is_not_written(tmp_path: Path) -> None:
    """(S12) A class that shrank is pooled into its parent's labels; where nothing helps, the last file stays."""
    output = tmp_path / "out.parquet"
    people = [{"age": 1, "born": None, "place": place, "illness": "flu"} for place in ("A1", "A2") for _ in range(3)]
    with engine() as session:
        done = release_by_tree(session, open_table(session, _write(tmp_path, people)), _config("k", 3), output)
        assert {row["place"] for row in parquet.read_table(output).to_pylist()} == {"A1", "A2"}
        later = open_table(session, _write(tmp_path, people[1:], "later"))
        night = release_by_tree(session, later, _config("k", 3), output, frozen=done.tree)
        assert {row["place"] for row in parquet.read_table(output).to_pylist()} == {"A"}
        assert night.tree.coarser_than(done.tree)
        assert night.repaired.relabelled == 5
        before = output.read_bytes()
        with pytest.raises(NoRecoding):
            release_by_tree(session, later, _config("distinct", 3), output, frozen=done.tree)
        other = _config("k", 3, quasi_identifiers={"place": {"hierarchy": {"flat": True}}})
        with pytest.raises(HierarchyFault, match="other hierarchies"):
            release_by_tree(session, later, other, output, frozen=done.tree)
    assert output.read_bytes() == before


def test_a_level_without_a_choice_is_a_step_for_both(tmp_path: Path) -> None:
    """(S12, S13) Where every group has one child, no bits tell the step: Python and the engine take it, and pool it."""
    hierarchy = {"tree": {"A": {"a": ["a1", "a2"]}, "B": {"b": ["b1", "b2"]}}}
    config = _config("k", 3, quasi_identifiers={"place": {"hierarchy": hierarchy, "minimum_level": 1}})
    people = [{"age": 1, "born": None, "place": f"{part}1", "illness": "flu"} for part in "ab" for _ in range(3)]
    with engine() as session:
        done = release_by_tree(session, open_table(session, _write(tmp_path, people)), config, tmp_path / "out.parquet")
        later = open_table(session, _write(tmp_path, people[1:], "later"))
        night = release_by_tree(session, later, config, tmp_path / "out.parquet", frozen=done.tree)
    assert {row["place"] for row in parquet.read_table(tmp_path / "out.parquet").to_pylist()} == {"*"}
    assert night.repaired.relabelled == 5
