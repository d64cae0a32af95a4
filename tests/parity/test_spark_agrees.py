"""Two engines agree: what Spark publishes and measures is what DuckDB does."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from parity.test_publishing_agrees import QUASI_IDENTIFIERS, ROWS, SCHEMA, SENSITIVE

from trustmart.anonymizing.anonymize import Anonymized, anonymize
from trustmart.anonymizing.config import ReleaseConfig
from trustmart.anonymizing.files import engine, open_table
from trustmart.anonymizing.tree_release import release_by_tree
from trustmart.errors import NoRecoding, StatementFailed, TableUnfit
from trustmart.warehouse import Session

pytest.importorskip("pyspark", reason="Spark has an environment of its own: make spark")
pytestmark = [
    pytest.mark.spark,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17"),
]
MANY = """
select (hash(i) % 9)::bigint as age, (date '1999-12-30' + (hash(i + 7) % 5)::int)::varchar as born,
    ['A1', 'A2', 'B1', 'Z9', null][(1 + hash(i * 3) % 5)::bigint] as place,
    ['flu', 'flu', 'gout', 'cold', null][(1 + hash(i * 5) % 5)::bigint] as illness
from range(100000) as people(i)
"""


@pytest.fixture(scope="module")
def spark() -> Iterator[Session]:
    """Return one Spark for all tests."""
    from trustmart.warehouse.spark import spark_session

    with spark_session(threads=2, memory="1g") as session:
        yield session


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder for all examples."""
    return tmp_path_factory.mktemp("spark")


def _config(model: str, k: int, budget: float) -> ReleaseConfig:
    """Return a release under one model."""
    return ReleaseConfig.model_validate(
        {
            "minimum_class_size": k,
            "maximum_suppressed": budget,
            "quasi_identifiers": QUASI_IDENTIFIERS,
            "sensitive": SENSITIVE[model],
            "publish": [] if SENSITIVE[model] else ["illness"],
        }
    )


def _released(session: Session, source: Path, config: ReleaseConfig) -> tuple[Any, Counter] | str:
    """Return what was done and the rows that were published, or the error's kind."""
    output = source.with_name("out.parquet")
    try:
        done = anonymize(session, open_table(session, source), config, output)
    except (NoRecoding, TableUnfit) as error:
        return type(error).__name__
    rows = Counter(tuple(row.items()) for row in parquet.read_table(output).to_pylist())
    return done, rows


def _check_same(spark: Session, source: Path, config: ReleaseConfig) -> None:
    """Fail unless both engines release the same."""
    with engine() as session:
        expected = _released(session, source, config)
    found = _released(spark, source, config)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected
        return
    assert found[1] == expected[1]
    done: Anonymized = found[0]
    assert done.recoding.digest == expected[0].recoding.digest
    assert _figures(done.as_dict()) == pytest.approx(_figures(expected[0].as_dict()))


def _figures(said: dict[str, Any]) -> dict[str, Any]:
    """Return every figure by its way through the dictionary."""
    flat: dict[str, Any] = {}
    for name, value in said.items():
        if isinstance(value, dict):
            flat |= {f"{name}/{below}": inner for below, inner in _figures(value).items()}
        else:
            flat[str(name)] = value
    return {name: value for name, value in flat.items() if isinstance(value, int | float) or value is None}


@pytest.mark.parametrize("model", sorted(SENSITIVE))
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows=ROWS)
def test_spark_releases_what_duckdb_does(spark: Session, folder: Path, model: str, rows: Any) -> None:
    """Same classes, labels, suppressed and measures under every model; nulls, strangers and emoji included (S12)."""
    source = folder / "in.parquet"
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), source)
    _check_same(spark, source, _config(model, 2, 0.5))


@pytest.mark.parametrize("model", ["k", "several", "ordered", "hierarchical"])
def test_spark_releases_the_same_of_many(spark: Session, tmp_path: Path, model: str) -> None:
    """Same classes, labels, suppressed and measures of 100,000 people (S12)."""
    source = tmp_path / "in.parquet"
    duckdb.connect().execute(f"copy ({MANY}) to '{source}' (format parquet)")
    _check_same(spark, source, _config(model, 50, 0.3))


def test_a_tree_on_spark_is_the_same(spark: Session, tmp_path: Path) -> None:
    """Same tree, same labels, same measures of 100,000 people (S12)."""
    source, rows, digests, figures = tmp_path / "in.parquet", [], [], []
    duckdb.connect().execute(f"copy ({MANY}) to '{source}' (format parquet)")
    config = _config("distinct", 50, 0.3).model_copy(update={"method": "tree"})
    with engine() as session:
        for number, tried in enumerate([session, spark]):
            output = tmp_path / f"{number}.parquet"
            done = release_by_tree(tried, open_table(tried, source), config, output)
            rows.append(Counter(tuple(row.items()) for row in parquet.read_table(output).to_pylist()))
            digests.append(done.tree.digest)
            figures.append(_figures(done.as_dict()))
    assert rows[0] == rows[1]
    assert digests[0] == digests[1]
    assert figures[0] == pytest.approx(figures[1])


def test_spark_reads_csv_as_it_stands(spark: Session, tmp_path: Path) -> None:
    """Text stays text, an empty field is null, quotes and separators inside fields are kept (S12)."""
    rows = [{"age": "1", "born": "2000-01-01", "place": place, "illness": 'a, "b"'} for place in ("A1", "A1", None)]
    source = tmp_path / "in.csv"
    pyarrow.csv.write_csv(pa.Table.from_pylist(rows), source)
    _check_same(spark, source, _config("k", 2, 0.5))


def test_an_error_of_spark_names_no_value(spark: Session) -> None:
    """Spark quotes what it could not read; ours does not (S12)."""
    with pytest.raises(StatementFailed) as caught:
        spark.value("select cast(concat('Ber', 'tha') as int)")
    assert "Bertha" not in str(caught.value)
    assert caught.value.__context__ is None


def test_spark_prints_no_value() -> None:
    """What Spark's workers stumble over is not on the screen either, where schedulers would log it (S12)."""
    script = """
from trustmart.errors import StatementFailed
from trustmart.warehouse.spark import spark_session
with spark_session(threads=1, memory="1g") as spark:
    try:
        spark.value("select sum(cast(concat('Ber', 'tha', cast(id as string)) as int)) from range(10)")
    except StatementFailed:
        print("refused")
"""
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "refused\n"
    assert ran.stderr == ""


def test_spark_leaves_nothing_in_the_working_directory(spark: Session, tmp_path: Path) -> None:
    """No metastore, no warehouse folder, no parts beside the output (S12)."""
    output = tmp_path / "one.parquet"
    assert spark.write_parquet("select 1 as one union all select 2", output) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["one.parquet"]
    assert not [name for name in ("spark-warehouse", "metastore_db", "derby.log") if Path(name).exists()]
