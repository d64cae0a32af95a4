"""Analysts and the night are not in each other's way: an open session keeps what it opened, a new one sees the new."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from trustmart.errors import StatementFailed
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse

# Long enough that a reader in the middle of it has most of it still before him.
ROWS = 200_000

# Opens the file as an analyst would, reads a little of a long result, and goes on when it is told to.
ANALYST = """
import sys, duckdb
path, how = sys.argv[1:]
reader = duckdb.connect(path, read_only=how == "read only")
reader.execute("set enable_progress_bar = false")
if how == "and writes":
    reader.execute("create table my_notes as select 'of the first night' as note")
result = reader.execute("select night, number from dim_customer_segments order by number")
first = result.fetchmany(10)
print("reading", flush=True)
sys.stdin.readline()
rest = [row for piece in iter(lambda: result.fetchmany(50_000), []) for row in piece]
nights = {night for night, _ in first + rest}
again = reader.execute("select count(*), min(night), max(night) from dim_customer_segments").fetchone()
print(len(first) + len(rest), *sorted(nights), *again, flush=True)
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    """Return a warehouse with a restricted zone and a first release."""
    warehouse = DuckDBWarehouse(Settings(data=tmp_path, key="k" * 64))
    with warehouse.session(writes="restricted"):
        pass
    publish(warehouse, night=1)
    return warehouse


def publish(warehouse: DuckDBWarehouse, *, night: int) -> None:
    """Release a mart whose every row says from which night it is."""
    with warehouse.new_release() as session:
        session.run(
            "create table anonymized.dim_customer_segments as"
            f" select {night} as night, range as number from range({ROWS})"
        )


@contextmanager
def analyst(warehouse: DuckDBWarehouse, how: str = "read only") -> Iterator[subprocess.Popen[str]]:
    """Start an analyst's session in another process, and wait until it is in the middle of a query."""
    path = str(warehouse.path("anonymized"))
    process = subprocess.Popen(
        [sys.executable, "-c", ANALYST, path, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        yield process
    finally:
        process.kill()
        process.wait()


def what_is_read_now(warehouse: DuckDBWarehouse) -> tuple[int, int, int]:
    """Return rows, and the oldest and newest night in them, as a new session sees them."""
    with duckdb.connect(str(warehouse.path("anonymized")), read_only=True) as reader:
        return reader.execute("select count(*), min(night), max(night) from dim_customer_segments").fetchone()


@pytest.mark.parametrize("how", ["read only", "as DuckDB opens a file unless told otherwise"])
def test_an_open_session_neither_blocks_a_release_nor_notices_it(warehouse: DuckDBWarehouse, how: str) -> None:
    """An analyst in the middle of a query reads the old release to its end; a new session sees the new one (S13)."""
    with analyst(warehouse, how) as process:
        publish(warehouse, night=2)
        assert what_is_read_now(warehouse) == (ROWS, 2, 2)
        publish(warehouse, night=3)
        told, _ = process.communicate("go on\n", timeout=60)
        assert told == f"{ROWS} 1 {ROWS} 1 1\n"
        assert process.returncode == 0
    assert what_is_read_now(warehouse) == (ROWS, 3, 3)


def test_what_an_analyst_writes_is_not_replayed_into_the_next_release(warehouse: DuckDBWarehouse) -> None:
    """A table made in a session on the old release, still in its write-ahead log, is not in the new one (S13)."""
    with analyst(warehouse, "and writes"):
        assert warehouse.path("anonymized").with_name("anonymized.duckdb.wal").exists()
        publish(warehouse, night=2)
        assert what_is_read_now(warehouse) == (ROWS, 2, 2)
        with duckdb.connect(str(warehouse.path("anonymized")), read_only=True) as reader:
            assert reader.execute("show tables").fetchall() == [("dim_customer_segments",)]


def test_many_analysts_from_different_nights_read_side_by_side(warehouse: DuckDBWarehouse) -> None:
    """Each session keeps the release that stood when it was opened (S13)."""
    with analyst(warehouse) as first:
        publish(warehouse, night=2)
        with analyst(warehouse) as second:
            publish(warehouse, night=3)
            with analyst(warehouse) as third:
                told = [process.communicate("go on\n", timeout=60)[0] for process in (second, first, third)]
    assert told == [f"{ROWS} {night} {ROWS} {night} {night}\n" for night in (2, 1, 3)]


def test_a_release_that_breaks_off_leaves_the_standing_one(warehouse: DuckDBWarehouse) -> None:
    """Nobody sees half a release: what is written beside is moved into place whole, or not at all (S13)."""
    with pytest.raises(StatementFailed), warehouse.new_release() as session:  # noqa: PT012 - it breaks off half-way
        session.run("create table anonymized.dim_customer_segments as select 2 as night, 0 as number")
        session.run("select * from anonymized.a_table_that_is_not_there")
    assert what_is_read_now(warehouse) == (ROWS, 1, 1)
    publish(warehouse, night=3)
    assert what_is_read_now(warehouse) == (ROWS, 3, 3)
    standing = sorted(path.name for path in warehouse.path("anonymized").parent.iterdir() if path.is_file())
    assert [name for name in standing if name.startswith("anonymized")] == ["anonymized.duckdb"]


def test_a_release_holds_no_block_of_the_one_before(warehouse: DuckDBWarehouse) -> None:
    """A new release is a new file: what an older one held is not even in its free blocks (S13)."""
    with warehouse.new_release() as session:
        session.run("create table anonymized.dim_customer_segments as select 'a-label-of-yesterday' as label")
    assert b"a-label-of-yesterday" in warehouse.path("anonymized").read_bytes()
    publish(warehouse, night=2)
    assert b"a-label-of-yesterday" not in warehouse.path("anonymized").read_bytes()
    assert not warehouse.path("anonymized").with_name("anonymized.duckdb.wal").exists()


def test_a_reader_sees_the_restricted_zone_neither_through_the_file_nor_beside_it(
    warehouse: DuckDBWarehouse,
) -> None:
    """Whoever opens the anonymized file has one database, and attaching its neighbour asks for a key (S13)."""
    with duckdb.connect(str(warehouse.path("anonymized")), read_only=True) as reader:
        named = reader.execute("select database_name from duckdb_databases() where not internal").fetchall()
        assert named == [("anonymized",)]
        with pytest.raises(duckdb.Error):
            reader.execute(f"attach '{warehouse.path('restricted')}' as restricted (read_only)")


def test_analysts_may_read_the_file_and_not_write_it(warehouse: DuckDBWarehouse) -> None:
    """The released file is readable by others and writable by its owner only (S13)."""
    assert os.stat(warehouse.path("anonymized")).st_mode & 0o777 == 0o644
