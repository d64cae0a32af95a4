"""Reach of 50 use cases over a million customers, against one scan that reads the same table; in turns, in one process.

Prints milliseconds (median, fastest, slowest) and the ratio. The table lies encrypted on disk, as it does at night.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from trustmart.legal_basis import reach
from trustmart.pipeline.reach import STANDING_TABLE, count_people
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse, Session

RESULTS = Path(__file__).parent / "results" / "reach.json"
PURPOSES = [f"purpose_{number}" for number in range(8)]
# One person in 25 objects to a purpose, one in five has agreed to it.
OBJECTS = "hash(i, {number}) % 25 = 0 as objects_to_{purpose}"
AGREED = "hash(i, 100 + {number}) % 5 = 0 as agreed_to_{purpose}"


def fill(session: Session, customers: int) -> list[str]:
    """Make customers who object and agree at random; return the names of the table's columns."""
    made = [one.format(number=n, purpose=purpose) for n, purpose in enumerate(PURPOSES) for one in (OBJECTS, AGREED)]
    session.run(
        f"create table restricted.{STANDING_TABLE} as select md5(i::varchar) as subject_id,"
        f" hash(i, 0) % 500 = 0 as is_restricted, {', '.join(made)} from range({customers}) as numbers (i)"
    )
    return list(session.columns("restricted", STANDING_TABLE))


def reach_of_all(session: Session, use_cases: int) -> None:
    """Count the reach of every use case."""
    purposes = {f"use_case_{number}": PURPOSES[number % len(PURPOSES)] for number in range(use_cases)}
    found = reach(count_people(session, PURPOSES), purposes)
    assert len(found) == use_cases  # noqa: S101


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds some work takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--use-cases", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with TemporaryDirectory() as scratch:
        warehouse = DuckDBWarehouse(Settings(data=Path(scratch), key=SecretStr("k" * 64)))
        with warehouse.session(writes="restricted") as session:
            columns = fill(session, options.customers)
        scan = f"select {', '.join(f'max({column})' for column in columns)} from restricted.{STANDING_TABLE}"
        with warehouse.session(reads=["restricted"]) as session:
            contestants: dict[str, Callable[[], object]] = {
                "one scan": lambda: session.rows(scan),
                "reach": lambda: reach_of_all(session, options.use_cases),
            }
            rounds = [{name: timed(work) for name, work in contestants.items()} for _ in range(options.rounds + 2)][2:]
    figures = {
        name: {
            "median_ms": round(statistics.median(row[name] for row in rounds), 2),
            "fastest_ms": round(min(row[name] for row in rounds), 2),
            "slowest_ms": round(max(row[name] for row in rounds), 2),
        }
        for name in contestants
    }
    ratio = statistics.median(row["reach"] / row["one scan"] for row in rounds)
    result = {
        "customers": options.customers,
        "use_cases": options.use_cases,
        "figures": figures,
        "reach_over_scan": round(ratio, 2),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
