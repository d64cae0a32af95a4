"""What the whole gate costs beside the time that dbt, and dbt with the door, took to build the marts.

.venv/bin/python benchmarks/gate.py [--customers 1000000] [--crm FOLDER] [--nights 2] [--ten-marts]

A CRM is made (or read from a folder of the generator's CSV files), ingested, built and released, night after night in
one process; the last night is the one that counts, since only then is there a history to attack. Seconds are by the
clock and, beside it, of the processors, for every check of every mart together.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, cast

RESULTS = Path(__file__).parent / "results" / "gate.json"
MORE_MARTS = Path(__file__).parent / "more_marts"
FIRST_NIGHT = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Clock:
    """Adds up what parts of a run took."""

    def __init__(self) -> None:
        """Nothing was timed yet."""
        self.seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.running: dict[str, bool] = {}

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Add the seconds of a `with` to a part, by the clock and of the processors."""
        wall, cpu = time.perf_counter(), time.process_time()
        self.running[part] = True
        try:
            yield
        finally:
            self.running[part] = False
            self.seconds[part][0] += time.perf_counter() - wall
            self.seconds[part][1] += time.process_time() - cpu

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is timed."""

        def doing(*arguments: Any, **named: Any) -> Any:
            with self.timing(part):
                return work(*arguments, **named)

        return doing

    def as_dict(self) -> dict[str, dict[str, float]]:
        """Return the parts, the dearest first."""
        ordered = sorted(self.seconds.items(), key=lambda one: -one[1][0])
        return {part: {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2)} for part, (wall, cpu) in ordered}


def listen(clock: Clock) -> None:
    """Time dbt, the door, the gate, its self-test and every check, wherever they are called from."""
    anonymized, attacks, checks, transform, release = (
        import_module(f"trustmart.{name}")
        for name in ("gates.anonymized", "gates.attacks", "gates.checks", "pipeline.transform", "pipeline.release")
    )
    # The packages show functions of the same names, so the modules are asked for by theirs.
    transform.run_dbt = clock.timed("dbt", transform.run_dbt)
    transform.make_marts = clock.timed("door", transform.make_marts)
    release.inspect_all = clock.timed("gate", release.inspect_all)
    anonymized.self_test = clock.timed("gate: self-test (G10)", anonymized.self_test)
    anonymized.validate = clock.timed("gate: Great Expectations, its checks included", anonymized.validate)
    for name, looks in (("attack", attacks.ATTACKS), ("check", checks.CHECKS)):
        known = cast(MutableMapping[str, Callable[..., Any]], looks)
        for check, work in list(known.items()):
            known[check] = clock.timed(f"{name}: {check}", by_mart(clock, check, work) if name == "attack" else work)


def by_mart(clock: Clock, attack: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Return an attack that is timed for each mart, but for those on the self-test's scratch copies."""

    def attacking(*arguments: Any, **named: Any) -> Any:
        if clock.running.get("gate: self-test (G10)"):
            return work(*arguments, **named)
        with clock.timing(f"{named['mart']}: {attack}"):
            return work(*arguments, **named)

    return attacking


def over_group_by(clock: Clock, marts: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return each attack's time over one GROUP BY of the mart it is on, of microdata: (clock, processors).

    Cubes have a thousand rows, and a GROUP BY of them takes no time at all. The first attack over time on a mart pays
    for the comparison of its members that the others share.
    """
    from trustmart.gates.measures_sql import candidate, candidate_columns, quoted
    from trustmart.pipeline.context import open_context

    found: dict[str, dict[str, float]] = {}
    context = open_context(as_of=FIRST_NIGHT, now=FIRST_NIGHT)
    with context.warehouse.session(reads=["restricted"]) as session:
        for mart in marts:
            everything = ", ".join(map(quoted, candidate_columns(session, mart)))
            grouping = f"select {everything}, count(*) from {candidate(mart)} group by {everything}"
            timer = Clock()
            for turn in range(4):
                with timer.timing(str(turn)):
                    session.rows(f"select count(*) from ({grouping}) as grouped")
            wall, cpu = (min(turn[unit] for turn in timer.seconds.values()) for unit in (0, 1))
            found[mart] = {"GROUP BY, s": round(wall, 4), "GROUP BY, cpu s": round(cpu, 4)}
            for part, (part_wall, part_cpu) in clock.seconds.items():
                if part.startswith(f"{mart}: "):
                    attack = part.removeprefix(f"{mart}: ")
                    found[mart] |= {
                        attack: round(part_wall / wall, 2),
                        f"{attack}, cpu": round(part_cpu / cpu, 2),
                    }
    return found


def run(crm: Path, folder: Path, nights: int) -> dict[str, Any]:
    """Run the nights and return what the last one took."""
    os.environ |= {
        "TRUSTMART_DATA": str(folder),
        "TRUSTMART_OUTBOX": str(folder / "outbox"),
        "TRUSTMART_CRM_FOLDER": str(crm),
        "TRUSTMART_KEY": "k" * 64,
        "DO_NOT_TRACK": "1",
    }
    from trustmart.pipeline.context import open_context
    from trustmart.pipeline.forget import forget
    from trustmart.pipeline.ingest import ingest
    from trustmart.pipeline.release import release
    from trustmart.pipeline.transform import transform

    clock = Clock()
    listen(clock)
    for number in range(nights):
        clock.seconds.clear()
        context = open_context(as_of=FIRST_NIGHT + timedelta(days=number), now=FIRST_NIGHT + timedelta(days=number))
        for stage in (ingest, forget, transform, release):
            with clock.timing(f"stage: {stage.__name__}"):
                report = stage(context)
            print(
                f"night {number + 1}: {stage.__name__} {clock.seconds[f'stage: {stage.__name__}'][0]:.1f} s", flush=True
            )
    marts = [
        {name: mart[name] for name in ("mart", "verdict", "rows", "people")}
        for mart in cast(list[dict[str, Any]], report["marts"])
    ]
    microdata = [str(one["mart"]) for one in marts if one["rows"] == one["people"]]
    return {"marts": marts, "parts": clock.as_dict(), "over_group_by": over_group_by(clock, microdata)}


def ten_marts(home: Path) -> None:
    """Make a project with two marts more than are shipped, and let the nights be of it."""
    project = Path(__file__).parents[1]
    shutil.copytree(project / "policy", home / "policy")
    shutil.copytree(project / "dbt_project", home / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    for model in MORE_MARTS.glob("*.sql"):
        shutil.copy(model, home / "dbt_project" / "models" / "marts" / "anonymized")
    with (home / "policy" / "releases.yml").open("a") as releases:
        releases.write((MORE_MARTS / "releases.yml").read_text())
    os.environ["TRUSTMART_HOME"] = str(home)


def ratios(parts: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the gate's time over dbt's, and over that of dbt and the door."""
    found = {}
    for kind in ("wall_s", "cpu_s"):
        gate, dbt, door = (parts[part][kind] for part in ("gate", "dbt", "door"))
        found[f"gate over dbt ({kind})"] = round(gate / dbt, 2)
        found[f"gate over dbt and door ({kind})"] = round(gate / (dbt + door), 2)
    return found


def main() -> None:
    """Read the command line, measure, print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--crm", type=Path, help="files that benchmarks/generator.py has written; made unless given")
    parser.add_argument("--nights", type=int, default=2)
    parser.add_argument("--ten-marts", action="store_true", help="with the two marts of more_marts/")
    parser.add_argument("--keep", type=Path, default=RESULTS, help="where to write the result")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.ten_marts:
            ten_marts(Path(scratch) / "project")
        crm = arguments.crm or Path(scratch) / "crm"
        if arguments.crm is None:
            from trustmart.sources.synthetic import generate

            generate(crm, customers=arguments.customers)
        result = run(crm, Path(scratch) / "data", arguments.nights)
    result = {"customers": arguments.customers, **result, "ratios": ratios(result["parts"])}
    arguments.keep.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
