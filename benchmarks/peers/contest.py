"""Let a peer work on the same file, in its own environment. Prints its seconds; imports and reading are not counted.

python contest.py anjana|anonypy TABLE.parquet HIERARCHIES.json OUTPUT.parquet K SUPPRESSED SENSITIVE
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import pandas

warnings.filterwarnings("ignore")


def anjana(table: Any, hierarchies: Any, k: int, suppressed: float, sensitive: str) -> Any:
    """Return what ANJANA publishes; its hierarchies are one array per level, its budget a percentage."""
    from anjana.anonymity import k_anonymity

    given = {
        column: {
            level: pandas.Series(labels, dtype=str).to_numpy()
            for level, labels in enumerate(zip(*paths.values(), strict=True))
        }
        for column, paths in hierarchies.items()
    }
    return k_anonymity(table, [], list(hierarchies), k, 100 * suppressed, given)


def anonypy(table: Any, hierarchies: Any, k: int, suppressed: float, sensitive: str) -> Any:
    """Return each row's codes (places in the order of the hierarchy) and the part that Mondrian put it into."""
    from anonypy.mondrian import Mondrian

    codes = pandas.DataFrame({column: table[column].map(_places(paths)) for column, paths in hierarchies.items()})
    codes[sensitive] = table[sensitive].astype("category")
    parts = Mondrian(codes, list(hierarchies), sensitive).partition(k)
    return codes[list(hierarchies)].assign(part=_numbered(parts, len(codes)))


def _places(paths: dict[str, list[str]]) -> dict[str, int]:
    """Return each value's place where neighbours in the hierarchy are neighbours in the order."""
    ordered = sorted(paths, key=lambda value: (paths[value][::-1], value))
    return {value: place for place, value in enumerate(ordered)}


def _numbered(parts: Any, rows: int) -> Any:
    """Return the number of each row's part."""
    numbers = pandas.Series(0, index=range(rows))
    for number, part in enumerate(parts):
        numbers[part] = number
    return numbers


PEERS: dict[str, Callable[..., Any]] = {"anjana": anjana, "anonypy": anonypy}


def main() -> None:
    """Read, let the peer work, keep what it publishes."""
    name, source, hierarchies_file, output, k, suppressed, sensitive = sys.argv[1:]
    with open(hierarchies_file, encoding="utf-8") as file:
        hierarchies = json.load(file)
    table = pandas.read_parquet(source, columns=[*hierarchies, sensitive]).astype(str)
    # What a peer imports when it is first called is not counted either.
    __import__({"anjana": "anjana.anonymity", "anonypy": "anonypy.mondrian"}[name])
    started = time.perf_counter(), time.process_time()
    published = PEERS[name](table, hierarchies, int(k), float(suppressed), sensitive)
    seconds = {"wall_s": time.perf_counter() - started[0], "cpu_s": time.process_time() - started[1]}
    published.to_parquet(output)
    print("\n" + json.dumps(seconds))


if __name__ == "__main__":
    main()
