"""Statements on Spark, for tables that one machine is not enough for. Sources and results are files, zones are not."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as parquet
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.logger import PySparkLogger
from pyspark.sql import DataFrame, SparkSession

from trustmart.errors import StatementFailed
from trustmart.warehouse.protocol import Zone

# PySpark logs what a statement stumbled over, with the value, before it raises.
_LOGGERS = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
_NO_ZONES = "Spark reads and writes files here; the zones are kept by DuckDB"


class SparkFileSession:
    """A Spark session whose errors never quote a value: what the anonymizing layer needs of a warehouse's session."""

    dialect: Literal["spark"] = "spark"

    def __init__(self, spark: SparkSession) -> None:
        """Wrap an open session."""
        self._spark = spark

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement; raises StatementFailed."""
        self._asked(statement, parameters, lambda frame: frame.collect())

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields; raises StatementFailed."""
        return [tuple(row) for row in self._asked(statement, parameters, lambda frame: frame.collect())]

    def value(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None where there is no row; raises StatementFailed."""
        found = self._asked(statement, parameters, lambda frame: frame.take(1))
        return found[0][0] if found else None

    def arrow(self, statement: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Return what a query yields as an Arrow table; raises StatementFailed."""
        return self._asked(statement, parameters, lambda frame: frame.toArrow())

    def write_parquet(self, query: str, output: Path) -> int:
        """Write what a query yields as one Parquet file; return how many rows that is; raises StatementFailed."""
        with tempfile.TemporaryDirectory(prefix=f"{output.name}.", dir=output.parent) as parts:
            folder = Path(parts) / "written"
            self._asked(query, (), lambda frame: frame.repartition(1).write.parquet(str(folder)))
            part = next(folder.glob("part-*.parquet"))
            written = int(parquet.read_metadata(part).num_rows)
            os.replace(part, output)
        return written

    def keep(self, name: str, query: str) -> None:
        """Work a query out once, and let statements read it under a name; it may read what had the name before."""
        # A checkpoint, and not a cache: what was worked out must never be worked out again from sources that changed.
        kept = self._asked(query, (), lambda frame: frame.localCheckpoint())
        kept.createOrReplaceTempView(name)

    def discard(self, name: str) -> None:
        """Let go of what is kept under a name, if anything is."""
        self._spark.catalog.dropTempView(name)

    def write_table(self, name: str, query: str) -> None:
        """Make a table anew from what a query yields; it is gone with the session."""
        self.run(f"drop table if exists {name}")
        self.run(f"create table {name} using parquet as {query}")

    def register(self, name: str, table: pa.Table) -> None:
        """Let statements read an Arrow table under a name."""
        fields = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in table.schema]
        self._spark.createDataFrame(table.cast(pa.schema(fields))).createOrReplaceTempView(name)

    def unregister(self, name: str) -> None:
        """Take a registered name back."""
        self._spark.catalog.dropTempView(name)

    def transaction(self) -> AbstractContextManager[None]:
        """Refuse: there are no zones here."""
        raise StatementFailed(_NO_ZONES)

    def columns(self, zone: Zone, table: str, *, schema: str | None = None) -> dict[str, str]:
        """Refuse: there are no zones here."""
        raise StatementFailed(_NO_ZONES)

    def tables_with(self, zone: Zone, column: str) -> list[str]:
        """Refuse: there are no zones here."""
        raise StatementFailed(_NO_ZONES)

    def _asked(self, statement: str, parameters: Sequence[Any], take: Any) -> Any:
        """Execute and take the result; Spark's messages quote values and plans, so only their kind is kept."""
        try:
            frame: DataFrame = self._spark.sql(statement, args=list(parameters) or None)
            return take(frame)
        except (PySparkException, Py4JError) as error:
            opening = " ".join(statement.split())[:80]
            kind = type(error).__name__
        raise StatementFailed(f"Spark refused a statement ({kind}): {opening} …")


@contextmanager
def spark_session(*, threads: int, memory: str) -> Iterator[SparkFileSession]:
    """Open a local Spark that keeps everything in a private folder, which goes with it; raises StatementFailed.

    threads: how many cores it may use. memory: the heap, as Java writes it, e.g. 2g.
    """
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise StatementFailed("Spark needs Java 17 (on Debian: apt-get install openjdk-17-jre-headless)")
    with tempfile.TemporaryDirectory(prefix="trustmart-spark-") as scratch:
        builder = SparkSession.builder.master(f"local[{threads}]").appName("trustmart")
        for name, value in _settings(Path(scratch), threads, memory).items():
            builder = builder.config(name, value)
        for name in _LOGGERS:
            PySparkLogger.getLogger(name).disabled = True
        with _unheard():
            spark = builder.getOrCreate()
        try:
            yield SparkFileSession(spark)
        finally:
            spark.stop()


@contextmanager
def _unheard() -> Iterator[None]:
    """Give what is started meanwhile nowhere to speak: Spark prints the values that it stumbles over."""
    with open(os.devnull, "w") as nowhere:
        kept = [(stream, os.dup(stream)) for stream in (1, 2)]
        try:
            for stream, _ in kept:
                os.dup2(nowhere.fileno(), stream)
            yield
        finally:
            for stream, copy in kept:
                os.dup2(copy, stream)
                os.close(copy)


def _settings(scratch: Path, threads: int, memory: str) -> dict[str, str]:
    """Return how Spark runs: in UTC, alone, quiet, reading the same SQL as the other engine."""
    return {
        "spark.log.level": "OFF",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={scratch}",
        "spark.local.dir": str(scratch),
        "spark.io.encryption.enabled": "true",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": str(threads * 2),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
