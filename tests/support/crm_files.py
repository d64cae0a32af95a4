"""A CRM extract in a folder, written row by row in the test, and the deployment that takes it in."""

import atexit
import csv
import io
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from trustmart.ledger import Ledger
from trustmart.pipeline.context import Context
from trustmart.pipeline.forget import forget
from trustmart.pipeline.ingest import ingest
from trustmart.policy import Policy, load_policy
from trustmart.policy.load import FILES
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse

PROJECT = Path(__file__).resolve().parents[2]
KEY = "k" * 64
AS_OF = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)

# Four columns of a customer: enough to see every way in which a row can be broken.
PEOPLE: dict[str, Any] = {
    "from": "customers",
    "key": ["customer_id_crm"],
    "columns": {
        "customer_id_crm": {"from": "id", "required": True},
        "surname": {"from": "name"},
        "birth_date": {"from": "born", "type": "date", "not_before": "1900-01-01", "not_after": "as_of"},
        "notes": {"from": "notes"},
    },
}
HEADER = "id,name,born,notes\n"


@cache
def shipped_policy(name: str) -> str:
    """Return one of the product's own policy files as text."""
    return (PROJECT / "policy" / name).read_text()


def shipped_tables() -> dict[str, Any]:
    """Return the mapping of the six tables that the product ships."""
    return yaml.safe_load(shipped_policy("sources.yml"))["sources"]["crm"]["tables"]


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> str:
    """Write rows as a CSV export: header first, None as nothing."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


class Crm:
    """A source named `crm` with tables of its own, and the zones of the deployment that reads it.

    Tests change `tables`, `location` and `attributes` as a data engineer would change policy/*.yml.
    """

    def __init__(self, home: Path, tables: Mapping[str, Any] | None = None) -> None:
        """Lay an empty CRM; tables: as in policy/sources.yml (one table of people unless given)."""
        self.home = home
        self.folder = home / "crm"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tables: dict[str, Any] = json.loads(json.dumps(tables or {"customers": PEOPLE}, default=str))
        self.location: dict[str, Any] = {"kind": "csv", "folder": str(self.folder)}
        self.attributes: dict[str, Any] = yaml.safe_load(shipped_policy("attributes.yml"))["attributes"]
        self.last: dict[str, Any] = {}

    def deliver(self, text: str | bytes, name: str = "customers.csv") -> None:
        """Put a file into the CRM's folder, as it stands."""
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def people(self, lines: str, name: str = "customers.csv") -> None:
        """Put a file of people into the folder: the lines below the header."""
        self.deliver(HEADER + lines, name)

    def remove(self, name: str) -> None:
        """Take a file away."""
        (self.folder / name).unlink()

    def context(self, as_of: datetime = AS_OF) -> Context:
        """Open the deployment with the policy as it is now."""
        sources = {"crm": {"location": self.location, "tables": self.tables}}
        folder, policy = _policy(json.dumps({"sources": sources}), json.dumps({"attributes": self.attributes}))
        settings = Settings(data=self.home / "data", policy=folder, key=KEY)
        return Context(
            settings=settings,
            policy=policy,
            warehouse=WarmWarehouse(settings),
            ledger=Ledger(settings.ledger_file),
            as_of=as_of,
            now=as_of,
        )

    def ingest(self, as_of: datetime = AS_OF) -> dict[str, Any]:
        """Take in what is new, check that the rows add up, and return the counts of the (only) table."""
        self.last = ingest(self.context(as_of))
        for table in self.last["tables"]:
            assert table["rows_in"] == table["loaded"] + table["quarantined"], table
            assert table["quarantined"] == sum(table["reasons"].values()), table
            assert 0 <= table["redelivered"] <= table["loaded"], table
        return (self.last["tables"] or [{}])[0] if len(self.tables) == 1 else self.tables_of(self.last)

    @staticmethod
    def tables_of(report: Mapping[str, Any]) -> dict[str, Any]:
        """Return the counts of a report by table name."""
        return {table["table"]: table for table in report["tables"]}

    def forget(self, as_of: datetime = AS_OF) -> dict[str, Any]:
        """Make erasures take effect."""
        return forget(self.context(as_of))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the restricted zone; tables are named restricted.<table>."""
        with self.context().warehouse.session(reads=["restricted"]) as session:
            return session.rows(statement)

    def column(self, statement: str) -> list[Any]:
        """Return the first column of what a query yields."""
        return [row[0] for row in self.rows(statement)]

    def people_loaded(self) -> list[tuple[Any, ...]]:
        """Return number, name, birth date (as text) and notes of everybody in raw, in order."""
        return self.rows(
            "select customer_id_crm, surname, cast(birth_date as varchar), notes from restricted.raw_crm__customers"
            " order by all"
        )

    def numbers(self) -> list[str]:
        """Return the customer numbers in raw, in order."""
        return self.column("select customer_id_crm from restricted.raw_crm__customers order by all")

    def quarantined(self) -> list[tuple[Any, ...]]:
        """Return line, reason and columns at fault of everything in quarantine, in order."""
        return self.rows("select line, reason, column_names from restricted.quarantine order by all")

    def whole_zone(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of every table of the restricted zone, as text."""
        names = self.column("select table_name from duckdb_tables() where database_name = 'restricted' order by all")
        return {name: sorted(str(row) for row in self.rows(f'select * from restricted."{name}"')) for name in names}


def written(warehouse: DuckDBWarehouse, statement: str) -> None:
    """Change the restricted zone by hand, as a fault would."""
    with warehouse.session(writes="restricted") as session:
        session.run(statement)


@cache
def _policy(sources: str, attributes: str) -> tuple[Path, Policy]:
    """Write a policy that differs from the product's in these two files, and read it; the same one only once."""
    folder = _kept_folder("policy")
    for name in set(FILES) - {"sources.yml", "attributes.yml"}:
        (folder / name).write_text(shipped_policy(name))
    (folder / "sources.yml").write_text(sources)
    (folder / "attributes.yml").write_text(attributes)
    return folder, load_policy(folder)


class WarmWarehouse(DuckDBWarehouse):
    """The product's warehouse on an engine that stays up between tests: starting one costs more than a small intake."""

    @contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection of its own, with temporary tables of its own, and leave no zone attached."""
        connection = _engine().cursor()
        connection.execute("set timezone = 'UTC'")
        try:
            yield connection
        finally:
            connection.close()
            for zone in ("restricted", "personal", "anonymized"):
                _engine().execute(f"detach database if exists {zone}")


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """Return an engine that can open encrypted zones, started once per test run."""
    settings = Settings(data=_kept_folder("engine"), key=KEY)
    with DuckDBWarehouse(settings).session(writes="restricted"):
        pass  # installs the extension
    folder = settings.warehouse_folder / "extensions"
    engine = duckdb.connect(config={"extension_directory": str(folder), "threads": 2, "memory_limit": "1GB"})
    engine.execute("load httpfs")
    return engine


def _kept_folder(name: str) -> Path:
    """Make a folder that lasts as long as the test run."""
    folder = Path(tempfile.mkdtemp(prefix=f"trustmart-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
