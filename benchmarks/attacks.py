"""What each attack costs on microdata of a million people, as a multiple of one GROUP BY over the mart.

.venv/bin/python benchmarks/attacks.py [people]

Seconds of the processors stand beside those of the clock: the machine may be shared. The attacks over time read one
comparison of tonight's members with the remembered ones; it is a line of its own, and all four are timed together.
What is known of everybody is worked out once a night for all marts: a line of its own as well.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb

from trustmart.gates.attacks import ATTACKS, Attacked, sharing
from trustmart.gates.attacks.comparison import compared
from trustmart.gates.known_forms import known_forms
from trustmart.gates.remembering import remembering

PEOPLE = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
DOOR, CANDIDATE = "restricted.anonymized_door", "restricted.anonymized_candidate"
QUASI = ["born", "country", "job"]
COUNTRIES = {f"part {part}": [f"c{number}" for number in range(30) if number % 5 == part] for part in range(5)}
JOBS = {f"kind {kind}": [f"j{number}" for number in range(12) if number % 4 == kind] for kind in range(4)}
LABELS = (
    "concat(cast(extract(year from born) // 10 * 10 as varchar), '-', cast(extract(year from born) // 10 * 10 + 9"
    " as varchar)) as born, 'part ' || (country_number % 5) as country, 'kind ' || (job_number % 4) as job, loan"
)
CLASS = f"md5(concat_ws('|', {', '.join(QUASI)}))"
RULES: dict[str, Any] = {
    "born": {"rule": {"calendar": {"from": "1900-01-01", "to": "2030-12-31"}}, "fallback": "unknown"},
    "country": {"rule": {"tree": COUNTRIES}, "fallback": "unknown"},
    "job": {"rule": {"tree": JOBS}, "fallback": "unknown"},
}
CALLS: dict[str, dict[str, Any]] = {
    "declared_labels": {
        **RULES["born"],
        "column": "born",
        "hierarchy": "days",
        "minimum_level": "year",
        "one_level": True,
    },
    "rehashed": {"known_in": [["raw", "email"]], "hierarchies": dict.fromkeys(QUASI, "h")},
    # No label has a hierarchy to be judged by: every one is compared with everybody.
    "rewritten": {"known_in": [["raw", "email"], ["raw", "given", "surname"]], "hierarchies": {}},
    "numbers_of_people": {"known_in": [["raw", "email"]]},
    "names_in_text": {"known_in": [["raw", "given", "surname"]], "hierarchies": dict.fromkeys(QUASI, "h")},
    "register_join": {"columns": RULES, "minimum_class_size": 11},
    "singling_out": {"quasi_identifiers": QUASI, "others": ["loan"], "minimum_class_size": 11},
    "inference": {"columns": QUASI, "sensitive": "loan", "models": {"distinct": 2, "t": 0.2}, "suppressed_share": 0.0},
    "whole_history": {"columns": QUASI, "class_size": None},
    "differencing": {"minimum_class_size": 11},
    "intersection": {"minimum_class_size": 11},
    "stability": {"changed_in": ["raw"], "tree": False, "epoch": "e"},
}


class Reader:
    """A DuckDB in memory with a mart of people, 30 releases of it, and a register."""

    def __init__(self) -> None:
        """Make everybody; 1 % joined at each of the last 30 releases."""
        self.connection = duckdb.connect(config={"threads": 2})
        for statement in (
            "attach ':memory:' as restricted",
            "create schema restricted.anonymized_door",
            "create schema restricted.anonymized_candidate",
            f"create table {DOOR}.people as select md5('' || i) as subject_id, date '1940-01-01' + cast(hash(i) % 23000"
            " as integer) as born, cast(hash(i + 1) % 30 as integer) as country_number, 'c' || country_number as"
            " country, cast(hash(i + 2) % 12 as integer) as job_number, 'j' || job_number as job, hash(i + 3) % 10 < 3"
            f" as loan from range({PEOPLE}) as r(i)",
            f"create table {CANDIDATE}.people as select {LABELS} from {DOOR}.people",
            f'create table {DOOR}."people__members" as select {CLASS} as class_id, subject_id from'
            f" (select subject_id, {LABELS} from {DOOR}.people) as made",
            "create table restricted.main.releases_before as select 'people' as mart,"
            " timestamp '2026-01-01' + to_days(cast(d as integer)) as released_at, '' as release_id"
            " from range(30) as r(d)",
            "create table restricted.main.members_before as select 'people' as mart, class_id, subject_id,"
            " timestamp '2026-01-01'"
            " + to_days(cast(greatest(0, 29 - cast(hash(subject_id) % 100 as integer)) as integer))"
            f' as since, cast(null as timestamp) as until from {DOOR}."people__members"',
            "create table restricted.main.raw as select subject_id, subject_id as email, job as given,"
            " country as surname,"
            f" timestamp '2025-01-01' as _ingested_as_of from {DOOR}.people",
        ):
            self.connection.execute(statement)

    def rows(self, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Return the rows a query yields."""
        return self.connection.execute(statement, list(parameters)).fetchall()


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Return the fastest of three, by the clock and of the processors."""
    walls, cpus = [], []
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


def compare(reader: Reader) -> None:
    """Compare tonight's members with the remembered ones."""
    with compared(reader, "people"):
        pass


KNOWN = [["raw", "email"], ["raw", "given", "surname"], ["raw", "surname", "given"]]


def read_everybody(reader: Reader) -> None:
    """Work out the forms of everybody's identifiers."""
    with remembering(reader):
        known_forms(reader, KNOWN)


OVER_TIME = ("whole_history", "differencing", "intersection", "stability")


def attack(reader: Reader, name: str) -> Attacked:
    """Make an attack; outside of `sharing`, with all that it needs of the mart."""
    return ATTACKS[name](reader, mart="people", **CALLS[name])


def all_over_time(reader: Reader) -> None:
    """Make all attacks over time, with one comparison."""
    with sharing(reader):
        for name in OVER_TIME:
            attack(reader, name)


def main() -> None:
    """Print seconds, ratios, and whether anything was found."""
    reader = Reader()
    everything = "born, country, job, loan"
    floor = seconds(lambda: reader.rows(f"select {everything}, count(*) from {CANDIDATE}.people group by {everything}"))
    print(f"{PEOPLE:,} people; one GROUP BY over the mart {floor[0]:.3f} s, processors {floor[1]:.3f} s")

    def told(name: str, took: tuple[float, float], more: str = "") -> None:
        ratios = f"{took[0] / floor[0]:5.1f} x {took[1] / floor[1]:5.1f} x"
        print(f"{name:16} {took[0]:7.3f} s  processors {took[1]:7.3f} s  {ratios}  {more}")

    told("(comparison)", seconds(lambda: compare(reader)))
    told("(everybody)", seconds(lambda: read_everybody(reader)))
    with remembering(reader):
        known_forms(reader, KNOWN)
        for name in CALLS:
            if name in OVER_TIME:
                continue
            found = len(attack(reader, name).findings)
            told(name, seconds(lambda name=name: attack(reader, name)), f"{found} findings")
        wall, cpu = (one / len(OVER_TIME) for one in seconds(lambda: all_over_time(reader)))
        told("over time, each", (wall, cpu), "a quarter of all four, the comparison among them")
        with sharing(reader):
            for name in OVER_TIME:
                found = len(attack(reader, name).findings)
                told(
                    name, seconds(lambda name=name: attack(reader, name)), f"{found} findings; the comparison is there"
                )


if __name__ == "__main__":
    main()
