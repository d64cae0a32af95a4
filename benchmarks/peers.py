"""The anonymity engine against ANJANA, anonypy and pyCANON, on the same made-up people. One run; make bench-peers.

Ours counts reading the file and writing the release; a peer counts neither, nor its imports. A peer that has not
ended after 300 s is ended, and was slower than that.
"""

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
from anonymity import gate
from anonymity_data import ADULT, CRM, adult_hierarchies, crm_hierarchies, write

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymity.refining import refined
from trustmart.anonymity.search import fit
from trustmart.anonymity.tree import (
    boxes_of,
    class_counts,
    grow,
    leaf_counts,
    loss_of,
    loss_of_boxes,
    repair,
    route,
    routes_of,
)
from trustmart.anonymity.utility import certainty_penalty, column_loss
from trustmart.anonymizing.counting import count_base
from trustmart.anonymizing.encoding_sql import Encoding, profile
from trustmart.anonymizing.files import engine, open_table
from trustmart.anonymizing.publishing import publish, write_whole
from trustmart.anonymizing.tree_sql import TreeRouting

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "peers.json"
DATA, PEERS = HERE.parent / "var" / "bench", HERE.parent / "var" / "bench-venv" / "bin" / "python"
K, SUPPRESSED, LIMIT, ROUNDS = 5, 0.02, 300, 5
VERSIONS = "import json; from importlib.metadata import version; print(json.dumps({p: version(p) for p in %r}))"

Workload = tuple[str, Path, list[Hierarchy], str]
# Each writes a release and returns its loss.
Ours = Callable[[Path, Sequence[Hierarchy], str, Path], float]


def full_domain(path: Path, hierarchies: Sequence[Hierarchy], sensitive: str, output: Path) -> float:
    """Find the optimal levels, publish, and return the loss."""
    names = [hierarchy.name for hierarchy in hierarchies]
    asked, floor = Requirements(k=K, maximum_suppressed=SUPPRESSED), (0,) * len(hierarchies)
    with engine() as session:
        table = open_table(session, path)
        profiled = profile(session, table, names)
        best = fit(count_base(session, table, hierarchies, [], floor=floor, profiled=profiled), asked)
        recoding = Recoding(tuple(hierarchies), best.levels)
        publish(session, table, recoding, asked, {}, columns=[sensitive], output=output, profiled=profiled)
    return best.loss


def tree_once(path: Path, hierarchies: Sequence[Hierarchy], sensitive: str, output: Path) -> float:
    """Grow the tree by runs of siblings, publish every row by the run its class fills, and return the loss."""
    finer, floor = [refined(hierarchy) for hierarchy in hierarchies], (0,) * len(hierarchies)
    names = [hierarchy.name for hierarchy in hierarchies]
    with engine() as session:
        table = open_table(session, path)
        profiled = profile(session, table, names)
        base = count_base(session, table, finer, [], floor=floor, profiled=profiled)
        tree = grow(base, Requirements(k=K))
        counts = leaf_counts(base, route(routes_of(tree, base.layout), base))
        boxes = boxes_of(tree, base, counts.leaves, hierarchies, floor)
        routing = TreeRouting(Encoding(table, base.layout, profiled), tree, boxes)
        with routing.tables(session):
            write_whole(session, routing.published_rows([sensitive]), output, records=base.people)
    return loss_of_boxes(boxes, class_counts(tree, counts), dict.fromkeys(names, 1.0))[0]


def laboratory_tree(
    path: Path, hierarchies: Sequence[Hierarchy], sensitive: str, output: Path, *, reserve: int = 2
) -> float:
    """Grow the tree, verify, publish every row by it, and return the loss. reserve: as `trustmart anonymize` has it."""
    names = [hierarchy.name for hierarchy in hierarchies]
    asked, floor = Requirements(k=K), (0,) * len(hierarchies)
    with engine() as session:
        table = open_table(session, path)
        profiled = profile(session, table, names)
        base = count_base(session, table, hierarchies, [], floor=floor, profiled=profiled)
        tree = grow(base, asked, reserve=reserve)
        counts = leaf_counts(base, route(routes_of(tree, base.layout), base))
        published = repair(tree, counts, asked).tree
        routing = TreeRouting(Encoding(table, base.layout, profiled), published)
        with routing.tables(session):
            write_whole(session, routing.published_rows([sensitive]), output, records=base.people)
    return loss_of(published, class_counts(published, counts))[0]


# The tree recodes locally, as Mondrian does; what is published once and tells its ranges is anonypy's fair opponent.
OURS: dict[str, Ours] = {
    "ours, optimal full-domain": full_domain,
    "ours, tree published once": tree_once,
    "ours, laboratory tree": laboratory_tree,
    "ours, laboratory tree without reserve": partial(laboratory_tree, reserve=0),
}


def measure_ours(ours: Ours, path: Path, hierarchies: Sequence[Hierarchy], sensitive: str) -> dict[str, Any]:
    """Return the medians of several rounds, and the loss."""
    taken = []
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(ROUNDS):
            started = time.perf_counter(), time.process_time()
            loss = ours(path, hierarchies, sensitive, Path(scratch) / "out.parquet")
            taken.append((time.perf_counter() - started[0], time.process_time() - started[1]))
    wall, cpu = (round(statistics.median(seconds), 3) for seconds in zip(*taken, strict=True))
    return {"wall_s": wall, "cpu_s": cpu, "loss": round(loss, 4)}


def measure_peer(name: str, path: Path, hierarchies: Sequence[Hierarchy], sensitive: str) -> dict[str, Any]:
    """Return a peer's seconds and the loss of what it published; only that it took too long, where it did."""
    with tempfile.TemporaryDirectory() as scratch:
        given, output = Path(scratch) / "hierarchies.json", Path(scratch) / "out.parquet"
        given.write_text(json.dumps({hierarchy.name: _paths(hierarchy) for hierarchy in hierarchies}))
        command = [PEERS, HERE / "peers" / "contest.py", name, path, given, output, str(K), str(SUPPRESSED), sensitive]
        try:
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return {"longer_than_s": LIMIT}
        seconds = {unit: round(value, 3) for unit, value in json.loads(done.stdout.splitlines()[-1]).items()}
        loss = (_loss_of_labels if name == "anjana" else _loss_of_parts)(output, hierarchies, path)
    return {**seconds, **loss}


def _paths(hierarchy: Hierarchy) -> dict[str, list[str]]:
    """Return each leaf's labels, finest first, as the peers want them: as text, and without nulls."""
    return {
        str(hierarchy.labels[0][leaf]): [
            str(hierarchy.labels[level][hierarchy.ancestors(level)[leaf]]) for level in range(hierarchy.levels)
        ]
        for leaf in range(len(hierarchy.keys))
    }


def _loss_of_labels(output: Path, hierarchies: Sequence[Hierarchy], source: Path) -> dict[str, Any]:
    """Return the loss of a release whose labels are our hierarchies', reckoned as ours is."""
    released, people = parquet.read_table(output), parquet.read_metadata(source).num_rows
    suppressed, losses, levels = people - released.num_rows, [], []
    for hierarchy in hierarchies:
        found = released.column(hierarchy.name).value_counts().to_pylist()
        labels = {str(entry["values"]): int(entry["counts"]) for entry in found}
        level = next(n for n in range(hierarchy.levels) if set(labels) <= set(hierarchy.labels[n]))
        levels.append(level)
        losses.append(column_loss(labels, hierarchy, level, suppressed=suppressed))
    return {"loss": round(statistics.mean(losses), 4), "suppressed": suppressed, "levels": levels}


def _loss_of_parts(output: Path, hierarchies: Sequence[Hierarchy], source: Path) -> dict[str, Any]:
    """Return the loss of parts: a range of leaves costs what a label over as many leaves would."""
    names = [hierarchy.name for hierarchy in hierarchies]
    every = [(name, bound) for name in names for bound in ("min", "max")]
    parts = parquet.read_table(output).group_by("part").aggregate([*every, ("part", "count")]).to_pylist()
    lost = sum(
        part["part_count"] * certainty_penalty(part[f"{h.name}_max"] - part[f"{h.name}_min"] + 1, h.domain)
        for part in parts
        for h in hierarchies
    )
    people = sum(part["part_count"] for part in parts)
    return {"loss": round(lost / people / len(names), 4), "suppressed": 0, "classes": len(parts)}


def workloads() -> list[Workload]:
    """Return the tables: one as UCI Adult is, and a CRM of 30,000 and 100,000 people."""
    adult = write(ADULT, 30_162, DATA / "adult.parquet")
    tables: list[Workload] = [("adult-sized, 30,162", adult, adult_hierarchies(adult), "salary")]
    for people in (30_000, 100_000):
        path = write(CRM, people, DATA / f"crm_{people}.parquet")
        tables.append((f"CRM, {people:,}", path, crm_hierarchies(path), "income_band"))
    return tables


def main() -> None:
    """Measure, print, and keep the figures."""
    packages = ["anjana", "anonypy", "pycanon", "pandas", "numpy"]
    versions = subprocess.run([PEERS, "-c", VERSIONS % packages], check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = {"k": K, "maximum_suppressed": SUPPRESSED, "versions": json.loads(versions)}
    result["gate"] = gate(100_000, 15, str(PEERS))
    for name, path, hierarchies, sensitive in workloads():
        asked = path, hierarchies, sensitive
        found = {ours: measure_ours(function, *asked) for ours, function in OURS.items()}
        found |= {peer: measure_peer(peer, *asked) for peer in ("anjana", "anonypy")}
        result[name] = found
        print(json.dumps({name: found}, indent=1), flush=True)
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
