"""The same work without privacy: load the CSV files into DuckDB, build the same marts and audiences with dbt."""

import os
import sys
from pathlib import Path

import duckdb
from dbt.cli.main import dbtRunner

TABLES = ("customers", "transactions", "interactions", "consent_events", "objections", "privacy_requests")
PROJECT = Path(__file__).parent / "baseline_dbt"


def main(crm: Path, folder: Path) -> None:
    """Load and build."""
    file = folder / "baseline.duckdb"
    with duckdb.connect(str(file), config={"threads": 2}) as connection:
        connection.execute("create schema raw")
        for table in TABLES:
            connection.execute(f"create table raw.{table} as from read_csv('{crm / table}.csv', header = true)")
    os.environ["BASELINE_FILE"] = str(file)
    place = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(folder / "target")]
    result = dbtRunner().invoke(["--log-level", "none", "build", *place, "--log-path", str(folder)])
    if not result.success:
        sys.exit("the baseline did not build")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
