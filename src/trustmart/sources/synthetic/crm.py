"""Writes a CRM extract of invented people: six files, the same bytes for the same customers, seed and day.

The bytes hold for one version of DuckDB, whose hash function is all the chance there is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from importlib import resources
from math import gcd
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import duckdb

from trustmart.sources.synthetic import dirt
from trustmart.sources.synthetic.vocabulary import vocabulary
from trustmart.sources.synthetic.writing import Extract, write_csv, write_parquet

FileFormat = Literal["csv", "parquet"]
Progress = Callable[[str, int], None]

TRANSACTIONS_PER_CUSTOMER = 5
CUSTOMERS_PER_OBJECTION = 25
PRIVACY_REQUESTS_PER_CUSTOMER = 0.0013
FEWEST_PRIVACY_REQUESTS = 12

CUSTOMER_FAULTS = dirt.Spoilable(identifier=0, number=14, instant=20)
TRANSACTION_FAULTS = dirt.Spoilable(identifier=0, number=3, instant=2)


def generate(
    folder: Path,
    *,
    customers: int = 20_000,
    seed: int = 1,
    as_of: date = date(2026, 11, 20),
    file_format: FileFormat = "csv",
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write the six files of the CRM into the folder and say how many rows each of them has."""
    if customers < 1:
        raise ValueError(f"A CRM needs at least one customer, not {customers}: pass customers=1 or more.")
    folder.mkdir(parents=True, exist_ok=True)
    write = write_csv if file_format == "csv" else write_parquet
    rows = {}
    with engine() as connection:
        set_variables(connection, customers=customers, seed=seed, as_of=as_of)
        for extract in extracts(connection, customers):
            file_name = f"{extract.name}.{file_format}"
            rows[file_name] = write(connection, extract, folder / file_name)
            if progress:
                progress(file_name, rows[file_name])
    return rows


@contextmanager
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB of its own with bounded memory, which keeps rows in the order they were made."""
    with TemporaryDirectory(prefix="trustmart-synthetic-") as scratch, duckdb.connect() as connection:
        connection.execute("set threads = 2")
        connection.execute("set memory_limit = '1200MB'")
        connection.execute("set preserve_insertion_order = true")
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"set temp_directory = '{scratch}'")
        yield connection


def set_variables(connection: duckdb.DuckDBPyConnection, *, customers: int, seed: int, as_of: date) -> None:
    """Hand the SQL everything it may depend on."""
    variables = vocabulary() | {
        "customers": customers,
        "seed": seed,
        "as_of": as_of,
        "stride": coprime_stride(customers),
        "faults": dirt.faults(customers, seed),
        "unknown_customer": dirt.unknown_customer(customers),
    }
    for name, value in variables.items():
        connection.execute(f"set variable {name} = ?", [value])
    connection.execute(sql("macros"))


def extracts(connection: duckdb.DuckDBPyConnection, customers: int) -> Iterator[Extract]:
    """The six files in turn, each prepared just before it is written and cleared away afterwards."""
    unreadable = dirt.unreadable_count(customers)
    connection.execute(sql("people"))
    yield Extract(
        name="customers",
        query=sql("customers"),
        rows=count(connection, "people"),
        spoilable=CUSTOMER_FAULTS,
        unreadable_identifiers=[f"C{100_000 + customers + number}" for number in range(unreadable)],
    )
    connection.execute(sql("memos"))
    connection.execute("drop table people")
    transactions = TRANSACTIONS_PER_CUSTOMER * customers
    yield Extract(
        name="transactions",
        query=sql("transactions"),
        rows=transactions,
        spoilable=TRANSACTION_FAULTS,
        unreadable_identifiers=[f"T{transactions + number}" for number in range(unreadable)],
    )
    yield Extract(name="interactions", query=sql("interactions"), rows=customers)
    connection.execute(sql("consent_steps"))
    yield Extract(name="consent_events", query=sql("consent_events"), rows=count(connection, "consent_steps"))
    connection.execute("drop table consent_steps")
    yield Extract(name="objections", query=sql("objections"), rows=objections_among(customers))
    requests = privacy_requests_among(customers)
    yield Extract(name="privacy_requests", query=sql("privacy_requests"), rows=requests)


def sql(name: str) -> str:
    """The text of one shipped SQL file."""
    return (resources.files(__package__) / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """How many rows a table has."""
    return connection.execute(f"select count(*) from {table}").fetchall()[0][0]


def objections_among(customers: int) -> int:
    """How many customers have objected to something; three in the smallest CRM, one of each scope."""
    return max(3, customers // CUSTOMERS_PER_OBJECTION)


def privacy_requests_among(customers: int) -> int:
    """How many requests of data subjects are waiting."""
    return max(FEWEST_PRIVACY_REQUESTS, round(customers * PRIVACY_REQUESTS_PER_CUSTOMER))


def coprime_stride(customers: int) -> int:
    """A step near the golden section of the customers that visits each of them once before it repeats."""
    stride = max(1, int(customers * 0.618))
    while gcd(stride, customers) != 1:
        stride += 1
    return stride
