"""What the laboratory tree costs, against one GROUP BY of the raw columns, and what it saves. One run, in turns.

python benchmarks/tree.py [--people 1000000] [--rounds 5] [--with-10m]
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from anonymity_data import CRM, crm_hierarchies, write

from trustmart.anonymity.models import Requirements
from trustmart.anonymity.search import fit
from trustmart.anonymity.search.node import BaseTable
from trustmart.anonymity.tree import LeafCounts, class_counts, grow, leaf_counts, loss_of, repair, route, routes_of
from trustmart.anonymizing.counting import count_base
from trustmart.anonymizing.encoding_sql import Encoding, profile
from trustmart.anonymizing.files import engine, open_table
from trustmart.anonymizing.publishing import write_whole
from trustmart.anonymizing.tree_sql import TreeRouting

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "tree.json"
DATA = HERE.parent / "var" / "bench"
K, RESERVE = 5, 2
FLOOR = "GROUP BY of the raw columns"


def in_turns(contestants: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let contestants take turns; return median wall and CPU seconds of each, and what each returned last."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    returned = {}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            started = time.perf_counter(), time.process_time()
            returned[name] = contestant()
            if number:  # the first round only warms caches
                taken[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    medians = {}
    for name, times in taken.items():
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        medians[name] = {"wall_s": round(wall, 4), "cpu_s": round(cpu, 4)}
    for figures in medians.values():
        figures["wall_over_floor"] = round(figures["wall_s"] / medians[FLOOR]["wall_s"], 2)
        figures["cpu_over_floor"] = round(figures["cpu_s"] / medians[FLOOR]["cpu_s"], 2)
    return medians, returned


def measure(people: int, rounds: int) -> dict[str, Any]:
    """Measure growing, a night's changes, a whole night, and the loss, on one table."""
    path = write(CRM, people, DATA / f"crm_{people}.parquet")
    hierarchies, asked = crm_hierarchies(path), Requirements(k=K)
    names = [hierarchy.name for hierarchy in hierarchies]
    floor = (0,) * len(names)
    with engine() as session, tempfile.TemporaryDirectory() as scratch:
        table = open_table(session, path)
        profiled = profile(session, table, names)
        keys = ", ".join(names)

        def counted() -> BaseTable:
            return count_base(session, table, hierarchies, [], floor=floor, profiled=profiled)

        def grouped() -> Any:
            grouping = f"select {keys}, count(*) as size from {table.relation} group by {keys}"
            return session.rows(f"select count(*), sum(size) from ({grouping})")

        def grown() -> Any:
            return grow(counted(), asked, reserve=RESERVE)

        base, tree = counted(), grown()
        grow_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        routes = routes_of(tree, base.layout)
        # A night: 1 % leave, and 1 % of other people join; both are counted like any table, from a file of their own.
        session.run(f"copy (select * from {table.relation} where customer_id % 100 = 0) to '{scratch}/left.parquet'")
        joined = write(CRM, people + people // 100, DATA / f"crm_{people}_more.parquet")
        # Only who has days that occur in the table: its hierarchies are of those.
        inside = " and ".join(f"{name} in (select {name} from {table.relation})" for name in names)
        session.run(
            f"copy (select * from read_parquet('{joined}') where customer_id >= {people} and {inside})"
            f" to '{scratch}/joined.parquet'"
        )
        joiners = session.value(f"select count(*) from '{scratch}/joined.parquet'")
        standing = leaf_counts(base, route(routes, base))
        per_leaf = np.bincount(standing.leaves, weights=standing.counts, minlength=len(tree.parents)).astype(np.int64)

        def changed() -> Any:
            counts = per_leaf.copy()
            for name, sign in (("left", -1), ("joined", 1)):
                part = open_table(session, Path(scratch) / f"{name}.parquet")
                here = count_base(session, part, hierarchies, [], floor=floor, profiled=profile(session, part, names))
                np.add.at(counts, route(routes_of(tree, here.layout), here), sign * here.counts)
            some = np.flatnonzero(counts)
            return repair(tree, LeafCounts(some, counts[some], {}, {}), asked), counts

        def whole_night() -> Any:
            here = counted()
            done = repair(tree, leaf_counts(here, route(routes_of(tree, here.layout), here)), asked)
            routing = TreeRouting(Encoding(table, here.layout, profiled), done.tree)
            with routing.tables(session):
                return write_whole(session, routing.published_rows(["income_band"]), Path(scratch) / "out.parquet")

        figures, found = in_turns(
            {FLOOR: grouped, "count and grow": grown, "1 % changed: count, route, repair": changed,
             "whole night: count, route, verify, write": whole_night},
            rounds,
        )  # fmt: skip
        repaired, _ = found["1 % changed: count, route, repair"]
        stayed = relabelled_share(base, standing, tree, repaired.tree)
        best = fit(base, asked, time_limit=60)
    loss, tight = (loss_of(t, class_counts(t, leaf_counts(base, route(routes_of(t, base.layout), base))))[0]
                   for t in (tree, grow(base, asked)))  # fmt: skip
    return {
        "people": people,
        "k": K,
        "reserve": RESERVE,
        "leaves": int((class_counts(tree, standing) > 0).sum()),
        "loss": round(loss, 5),
        "loss_without_reserve": round(tight, 5),
        "loss_full_domain": round(best.loss, 5),
        "loss_over_full_domain": round(loss / best.loss, 3),
        "relabelled_share_at_1_percent": round(stayed, 6),
        "joined": joiners,
        "figures": figures,
        "grow_peak_mib": grow_peak,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def relabelled_share(base: BaseTable, standing: LeafCounts, before: Any, after: Any) -> float:
    """Return the share of the table's people whose labels a repair made coarser, by where they stood before."""
    moved = before.published_at[standing.leaves] != after.published_at[standing.leaves]
    return float(standing.counts[moved].sum() / base.people)


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--with-10m", action="store_true", help="ten million people as well, in one round")
    options = parser.parse_args()
    for people, rounds in [(options.people, options.rounds), *([(10_000_000, 1)] if options.with_10m else [])]:
        kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        kept[str(people)] = measure(people, rounds)
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
        print(json.dumps(kept[str(people)], indent=1), flush=True)


if __name__ == "__main__":
    main()
