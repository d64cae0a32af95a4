"""The SQL that runs in production: dbt's models, compiled once, over small tables in memory."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pydantic import SecretStr

from trustmart.pipeline.context import Context, open_context
from trustmart.pipeline.dbt_project import artifacts_folder, run_dbt
from trustmart.pipeline.intake import Intake
from trustmart.settings import Settings
from trustmart.sources import Delivery
from trustmart.warehouse import ensure_bookkeeping
from trustmart.warehouse.duckdb import DuckDBSession

PROJECT = Path(__file__).resolve().parents[2]


@cache
def compiled_manifest(home: Path = PROJECT, policy: Path | None = None) -> Path:
    """Compile a project once in this process, under its own policy or another, and return its manifest's place."""
    folder = Path(tempfile.mkdtemp(prefix="trustmart-compiled-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    context = open_context(
        as_of=datetime(2026, 11, 20, tzinfo=UTC),
        settings=Settings(home=home, data=folder, policy=policy, key=SecretStr("k" * 64)),
    )
    with context.warehouse.session(writes="restricted"):
        pass  # sets the engine's encryption up, which dbt needs
    run = run_dbt(context, ["compile"])
    assert run.ok, "dbt could not compile the project"
    return artifacts_folder(context) / "manifest.json"


def manifest(home: Path = PROJECT, policy: Path | None = None) -> dict[str, Any]:
    """Return a fresh copy of the compiled manifest."""
    return json.loads(compiled_manifest(home, policy).read_text())


class SmallWarehouse:
    """An engine in memory in which models are built as dbt builds them: views in staging, tables after it."""

    def __init__(self) -> None:
        """Open two empty zones."""
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("set timezone = 'UTC'; attach ':memory:' as restricted; attach ':memory:' as personal")
        self.session = DuckDBSession(self.connection)
        self.builds: list[str] = []

    def night(self, tables: Mapping[str, Sequence[Mapping[str, Any]]], *, builds: Sequence[str] | None = None) -> None:
        """Replace the content of the raw tables, and build every model (or run other statements instead)."""
        self.fill(tables)
        for statement in self.builds if builds is None else builds:
            self.connection.execute(statement)

    def fill(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Replace the content of raw tables; a column that a row leaves out is null."""
        for name, rows in tables.items():
            self.connection.execute(f"delete from restricted.{name}")
            if not rows:
                continue
            types = self.session.columns("restricted", name)
            chosen = {column: [row.get(column) for row in rows] for column in rows[0]}
            self.connection.register("filled", pa.table(chosen))
            casts = ", ".join(f"cast({column} as {types[column]}) as {column}" for column in chosen)
            self.connection.execute(f"insert into restricted.{name} by name select {casts} from filled")
            self.connection.unregister("filled")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(query).fetchall()


@contextmanager
def small_warehouse(context: Context, models: Sequence[str]) -> Iterator[SmallWarehouse]:
    """Open an engine with empty raw tables that can build these compiled models, with all they read."""
    opened = SmallWarehouse()
    _make_raw_tables(opened.session, context)
    nodes = manifest(policy=context.settings.policy)["nodes"]
    for name in _in_order(nodes, models):
        node, kind = nodes[name], nodes[name]["config"]["materialized"]
        if kind == "seed":
            path = PROJECT / "dbt_project" / node["original_file_path"]
            opened.session.run(f"create table {node['relation_name']} as from read_csv('{path}')")
            continue
        opened.builds.append(f"create or replace {kind} {node['relation_name']} as {node['compiled_code']}")
    yield opened
    opened.connection.close()


def _make_raw_tables(session: DuckDBSession, context: Context) -> None:
    """Make the tables as ingest makes them."""
    ensure_bookkeeping(session)
    session.run("create table restricted.erased_mailboxes (email_mailbox varchar)")
    for source_name, source in context.policy.sources.items():
        for table_name in source.tables:
            intake = Intake(
                session=session,
                policy=context.policy,
                as_of=context.as_of,
                batch_id="",
                source_name=source_name,
                table_name=table_name,
                people=None,  # type: ignore[arg-type]
            )
            intake.begin(Delivery(name="", fingerprint="", columns=(), open=lambda: iter(())))


def _in_order(nodes: Mapping[str, Any], models: Sequence[str]) -> list[str]:
    """Return the models and the models they read, each after what it reads."""
    ordered: list[str] = []

    def visit(key: str) -> None:
        if key in nodes and key not in ordered:
            for read in nodes[key]["depends_on"].get("nodes", ()):
                visit(read)
            ordered.append(key)

    for model in models:
        visit(f"model.trustmart.{model}")
    return ordered
