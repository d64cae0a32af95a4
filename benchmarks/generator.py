"""How fast the CRM generator writes and how much memory that takes: benchmarks/generator.py --customers N."""

import argparse
import json
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from trustmart.sources.synthetic import generate


def measure(customers: int, file_format: str, folder: Path) -> dict[str, object]:
    """Generate one CRM and say what it took."""
    started = time.perf_counter()

    def report(file_name: str, rows: int) -> None:
        print(f"{file_name:24} {rows:>12,} rows   after {time.perf_counter() - started:6.1f} s")

    rows = generate(folder, customers=customers, file_format=file_format, progress=report)
    return {
        "benchmark": "generator",
        "customers": customers,
        "file_format": file_format,
        "rows": sum(rows.values()),
        "megabytes": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 1),
        "seconds": round(time.perf_counter() - started, 2),
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Read the command line, measure, print one JSON line last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--folder", type=Path, help="keep the files here instead of throwing them away")
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        print(json.dumps(measure(arguments.customers, arguments.format, folder)))


if __name__ == "__main__":
    main()
