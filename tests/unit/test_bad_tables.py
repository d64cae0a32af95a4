"""Odd tables: a right answer, or a clear error before anything is written. More of them are in test_anonymity_cli."""

import json
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import yaml
from typer.testing import CliRunner, Result

from trustmart.cli import app

runner = CliRunner()
DOUBLING = {"hierarchy": {"ranges": {"from": 0, "to": 512, "widths": [2**n for n in range(9)]}}}


def _inspect(folder: Path, content: dict[str, Any], *, columns: str, sensitive: str = "") -> dict[str, Any]:
    """Measure a table; return what is said."""
    path = folder / "people.parquet"
    parquet.write_table(pa.table(content), path)
    more = ["--sensitive", sensitive] if sensitive else []
    done = runner.invoke(app, ["inspect", str(path), "--quasi-identifiers", columns, *more, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def _anonymize(folder: Path, content: dict[str, Any], **asked: Any) -> Result:
    """Anonymize a table as asked."""
    source, config = folder / "people.parquet", folder / "release.yml"
    parquet.write_table(pa.table(content), source)
    config.write_text(yaml.safe_dump({"minimum_class_size": 2, **asked}, sort_keys=False))
    output = folder / "out.parquet"
    return runner.invoke(app, ["anonymize", str(source), "--config", str(config), "--output", str(output), "--json"])


def test_a_lattice_of_a_thousand_million_nodes_ends_in_seconds(tmp_path: Path) -> None:
    """S18: 10^9 recodings: within the time that is given, a safe one comes out, and how far it may be off is said."""
    people = range(400)
    content = {f"c{n}": [(i * (2 * n + 3) + i % 7) % 500 for i in people] for n in range(9)}
    started = time.monotonic()
    columns = dict.fromkeys(content, DOUBLING)
    done = _anonymize(tmp_path, content, quasi_identifiers=columns, maximum_suppressed=0.05, time_limit_seconds=1.5)
    assert done.exit_code == 0, done.output
    assert time.monotonic() - started < 10
    said = json.loads(done.stdout)
    assert said["lattice_nodes"] == 10**9
    assert said["smallest_class_size"] >= 2
    assert said["suppressed_share"] <= 0.05
    assert said["gap"] == 0 if said["optimal"] else 0 < said["gap"] <= said["loss"]


def test_nobody_and_one_person_are_measured(tmp_path: Path) -> None:
    """S12: an empty table has no smallest class; one person is a class of one, with one value, as the whole table."""
    nobody = _inspect(tmp_path, {"x": pa.array([], pa.string()), "s": pa.array([], pa.int64())}, columns="x")
    assert (nobody["records"], nobody["smallest_class_size"], nobody["maximum_risk"]) == (0, None, None)
    alone = _inspect(tmp_path, {"x": ["a"], "s": [None]}, columns="x", sensitive="s")
    assert (alone["smallest_class_size"], alone["smallest_diversity"], alone["largest_t"]) == (1, 1, 0)


def test_all_null_and_constant_columns_are_measured(tmp_path: Path) -> None:
    """S12: everybody is in one class, as diverse as nothing at all."""
    said = _inspect(tmp_path, {"x": [None] * 3, "y": ["a"] * 3, "s": [None] * 3}, columns="x,y", sensitive="s")
    assert (said["classes"], said["smallest_class_size"], said["smallest_diversity"]) == (1, 3, 1)


@pytest.mark.parametrize(
    "values",
    [
        [1, 1, 2],
        [Decimal("0.10"), Decimal("0.10"), Decimal("0.11")],
        [date(2000, 2, 29), date(2000, 2, 29), None],
        pa.array([datetime(2000, 1, 1, tzinfo=UTC)] * 2 + [None], pa.timestamp("us", "Asia/Tokyo")),
        ["\U0001f469\U0001f3fd\u200d⚕️", "\U0001f469\U0001f3fd\u200d⚕️", "\U0001f469\U0001f3fd"],
        [True, True, False],
        [0.5, 0.5, float("inf")],
    ],
    ids=["whole", "decimal", "day", "instant with a zone", "emoji", "truth", "infinite"],
)
def test_every_type_forms_classes(tmp_path: Path, values: Any) -> None:
    """S12: two alike and one different, whatever the type, as quasi-identifier and as sensitive column."""
    said = _inspect(tmp_path, {"x": values, "s": values}, columns="x", sensitive="s")
    assert (said["classes"], said["smallest_class_size"], said["smallest_diversity"]) == (2, 1, 1)
    assert said["largest_t"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "names", [("size", "people", "held"), ("key_0", "code", "value_0"), ("from", 'a "b"', "select")]
)
def test_columns_of_any_name_are_anonymized_and_measured(tmp_path: Path, names: tuple[str, str, str]) -> None:
    """S12: names that statements use themselves, and names that must be quoted."""
    content = {names[0]: ["a"] * 4, names[1]: ["u", "u", "v", "v"], names[2]: ["1", "2", "1", "2"]}
    flat = {"hierarchy": {"flat": True}}
    done = _anonymize(
        tmp_path,
        content,
        quasi_identifiers={names[0]: flat, names[1]: flat},
        sensitive={names[2]: {"distinct": 2, "t": 0.2}},
    )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["classes"], said["smallest_class_size"], said["smallest_diversity"], said["loss"]) == (2, 2, 2, 0)


def test_a_missing_column_is_named_and_no_value_is(tmp_path: Path) -> None:
    """S12: inspect says which column a table lacks, before it measures anything."""
    path = tmp_path / "people.parquet"
    parquet.write_table(pa.table({"x": ["Ann"]}), path)
    refused = runner.invoke(app, ["inspect", str(path), "--quasi-identifiers", "y"])
    assert (refused.exit_code, "has no column y" in refused.output, "Ann" in refused.output) == (1, True, False)
