"""What the anonymity engine costs, against the least that any engine must do. One run, in turns, ratios.

python benchmarks/anonymity.py [--people 100000 1000000] [--with-10m] [--pycanon-python /path/to/python]
python benchmarks/growth.py draws what it found.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
from anonymity_data import ADULT, CRM, adult_hierarchies, crm_hierarchies, write

from trustmart.anonymity.models import DistinctDiversity, Requirements, TCloseness
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymity.search import fit
from trustmart.anonymizing.counting import count_base
from trustmart.anonymizing.disclosing import disclosure
from trustmart.anonymizing.encoding_sql import profile
from trustmart.anonymizing.files import engine, open_table
from trustmart.anonymizing.inspecting import inspect_table
from trustmart.anonymizing.publishing import publish

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "anonymity.json"
DATA = HERE.parent / "var" / "bench"
PUBLISHED = ["income_band", "credit_band", "churn", "products"]
ADULT_PEOPLE = 30_162
K, SUPPRESSED = 5, 0.02
# What pyCANON does, with the same file as a table in memory; reading and imports are not counted.
PYCANON = """
import json, sys, time, pandas
from pycanon import anonymity
table, columns = pandas.read_parquet(sys.argv[1]), sys.argv[2].split(",")
started = time.perf_counter(), time.process_time()
found = [anonymity.k_anonymity(table, columns), anonymity.l_diversity(table, columns, [sys.argv[3]]),
         anonymity.t_closeness(table, columns, [sys.argv[3]])]
print(json.dumps({"wall_s": time.perf_counter() - started[0], "cpu_s": time.process_time() - started[1],
                  "k": int(found[0]), "l": int(found[1]), "t": float(found[2])}))
"""

Contestants = dict[str, Callable[[], Any]]


def in_turns(contestants: Contestants, rounds: int) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Let contestants take turns; return median wall and CPU seconds of each, and what each returned last."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    returned = {}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            started = time.perf_counter(), time.process_time()
            returned[name] = contestant()
            if number:  # the first round only warms caches
                taken[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    medians = {
        name: {
            "wall_s": round(statistics.median(wall for wall, _ in times), 4),
            "cpu_s": round(statistics.median(cpu for _, cpu in times), 4),
        }
        for name, times in taken.items()
    }
    return medians, returned


def ratios(figures: dict[str, dict[str, float]], ours: str, floor: str) -> dict[str, float]:
    """Return ours over the floor, by the clock and by what the processors did."""
    return {unit: round(figures[ours][f"{unit}_s"] / figures[floor][f"{unit}_s"], 2) for unit in ("wall", "cpu")}


def crm(people: int, rounds: int) -> dict[str, Any]:
    """Measure the optimal fit against one GROUP BY, and the nightly step against a plain copy."""
    path = write(CRM, people, DATA / f"crm_{people}.parquet")
    hierarchies = crm_hierarchies(path)
    names = [hierarchy.name for hierarchy in hierarchies]
    asked, floor = Requirements(k=K, maximum_suppressed=SUPPRESSED), (0,) * len(hierarchies)
    with engine() as session, tempfile.TemporaryDirectory() as scratch:
        table, output = open_table(session, path), Path(scratch) / "out.parquet"

        def fitted() -> Any:
            base = count_base(session, table, hierarchies, [], floor=floor, profiled=profile(session, table, names))
            return fit(base, asked)

        def grouped() -> Any:
            keys = ", ".join(names)
            grouping = f"select {keys}, count(*) as size from {table.relation} group by {keys}"
            return session.rows(f"select count(*), sum(size) from ({grouping})")

        def copied() -> Any:
            columns = ", ".join([*names, *PUBLISHED])
            return session.value(f"copy (select {columns} from {table.relation}) to '{output}' (format parquet)")

        fitted()
        fit_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        figures, found = in_turns({"GROUP BY of the raw columns": grouped, "optimal fit": fitted}, rounds)
        best = found["optimal fit"]
        recoding = Recoding(tuple(hierarchies), best.levels)

        def applied() -> Any:
            profiled = profile(session, table, names)
            return publish(session, table, recoding, asked, {}, columns=PUBLISHED, output=output, profiled=profiled)

        nightly, written = in_turns({"plain copy": copied, "verify, apply, write": applied}, rounds)
        released = open_table(session, output).relation
        inspected, _ = in_turns(
            {
                "inspect, every measure": lambda: inspect_table(session, released, names, sensitive=PUBLISHED[:1], k=K),
                "inspect, k, l and t": lambda: disclosure(session, released, names, sensitive=PUBLISHED[:1]),
            },
            rounds,
        )
    if written["verify, apply, write"] != people - best.suppressed:
        sys.exit("what was written is not what was fitted")
    return {
        "people": people,
        "nodes": best.nodes,
        "levels": best.levels,
        "loss": round(best.loss, 5),
        "suppressed": best.suppressed,
        "optimal": best.optimal,
        "nodes_checked": best.checked,
        "figures": {**figures, **nightly, **inspected},
        "fit_over_group_by": ratios(figures, "optimal fit", "GROUP BY of the raw columns"),
        "nightly_over_copy": ratios(nightly, "verify, apply, write", "plain copy"),
        "fit_peak_mib": fit_peak,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def adult(rounds: int) -> dict[str, Any]:
    """Measure fits of an Adult-sized table for k, l and t, counting included."""
    path = write(ADULT, ADULT_PEOPLE, DATA / "adult.parquet")
    hierarchies = adult_hierarchies(path)
    names, floor = [hierarchy.name for hierarchy in hierarchies], (0,) * len(hierarchies)
    models: dict[str, Any] = {
        "k": {},
        "k and l": {"salary": (DistinctDiversity(l=2),)},
        "k and t": {"salary": (TCloseness(t=0.2),)},
    }
    with engine() as session:
        table = open_table(session, path)

        def fitted(sensitive: Any) -> Any:
            asked = Requirements(k=K, sensitive=sensitive, maximum_suppressed=SUPPRESSED)
            profiled = profile(session, table, names)
            return fit(count_base(session, table, hierarchies, list(sensitive), floor=floor, profiled=profiled), asked)

        contestants = {name: (lambda asked=asked: fitted(asked)) for name, asked in models.items()}
        figures, found = in_turns(contestants, rounds)
    return {
        name: {**figures[name], "loss": round(best.loss, 5), "nodes": best.nodes, "nodes_checked": best.checked}
        for name, best in found.items()
    }


def gate(people: int, rounds: int, pycanon: str | None) -> dict[str, Any]:
    """Measure k, l and t of a release in SQL, and with pyCANON where a Python that has it is given."""
    path = write(CRM, people, DATA / f"crm_{people}.parquet")
    hierarchies = crm_hierarchies(path)
    names = [hierarchy.name for hierarchy in hierarchies]
    asked = Requirements(k=K, maximum_suppressed=SUPPRESSED)
    with engine() as session, tempfile.TemporaryDirectory() as scratch:
        table, output = open_table(session, path), Path(scratch) / "out.parquet"
        floor = (0,) * len(hierarchies)
        profiled = profile(session, table, names)
        base = count_base(session, table, hierarchies, [], floor=floor, profiled=profiled)
        recoding = Recoding(tuple(hierarchies), fit(base, asked).levels)
        publish(session, table, recoding, asked, {}, columns=["income_band"], output=output, profiled=profiled)
        released = open_table(session, output).relation

        session.run(f"create table held_in_memory as select * from {released}")

        contestants: Contestants = {
            "every measure, of the file": lambda: inspect_table(
                session, released, names, sensitive=["income_band"], k=K
            ),
            "k, l and t, of the file": lambda: disclosure(session, released, names, sensitive=["income_band"]),
            "k, l and t, of a table in memory": lambda: disclosure(
                session, "held_in_memory", names, sensitive=["income_band"]
            ),
        }
        figures, found = in_turns(contestants, rounds)
        measures = found["k, l and t, of the file"]
        ours = {
            "k": measures.smallest_class_size,
            "l": measures.smallest_diversity["income_band"],
            "t": measures.largest_t["income_band"],
        }
        result: dict[str, Any] = {"records": parquet.read_metadata(output).num_rows, **figures, "values": ours}
        if pycanon:
            command = [pycanon, "-W", "ignore", "-c", PYCANON, str(output), ",".join(names), "income_band"]
            runs = [
                json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(3)
            ]
            theirs = sorted(runs, key=lambda run: run["wall_s"])[1]
            result["pycanon"] = theirs
            result["same_values"] = all(abs(theirs[measure] - ours[measure]) < 1e-9 for measure in ours)
            result["pycanon_over_ours"] = {
                name: {unit: round(theirs[f"{unit}_s"] / ours_s[f"{unit}_s"]) for unit in ("wall", "cpu")}
                for name, ours_s in figures.items()
            }
    return result


def in_its_own_process(people: int, rounds: int) -> dict[str, Any]:
    """Measure one size apart from the others, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--only", str(people), "--rounds", str(rounds)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--with-10m", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pycanon-python")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(crm(options.only, options.rounds)))
        return
    sizes = [*options.people, *([10_000_000] if options.with_10m else [])]
    # A large table is measured once: its figures waver less, and it keeps others waiting.
    by_size = {str(size): in_its_own_process(size, options.rounds if size < 5_000_000 else 1) for size in sizes}
    result = {
        "crm": by_size,
        "adult_sized": adult(options.rounds),
        "gate": gate(min(sizes), options.rounds, options.pycanon_python),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
