"""A night on the bank's CRM against the same work without privacy, both in one run, in turns, in fresh processes.

Prints seconds (median, fastest, slowest), the ratio, and peak memory. With --airflow also the night through Airflow.
Peak memory is the largest process's resident set (getrusage of the children).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
BANK_CRM = HERE.parents[1] / "shared" / "data" / "bank_crm"
RESULTS = HERE / "results" / "night.json"


def run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a command in a process of its own; return its seconds and its peak memory in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{command[0]} failed:\n{process.stderr.read().decode() if process.stderr else ''}")
    return seconds, usage.ru_maxrss / 1024


def environment(folder: Path, crm: Path) -> dict[str, str]:
    """Return the variables of a fresh deployment in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRUSTMART_", "AIRFLOW_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {
        "TRUSTMART_DATA": str(folder),
        "TRUSTMART_OUTBOX": str(folder / "outbox"),
        "TRUSTMART_CRM_FOLDER": str(crm),
        "TRUSTMART_GENERATE_KEY": "1",
        "DO_NOT_TRACK": "1",
    }


def contestants(airflow: bool) -> dict[str, list[str]]:
    """Return the commands, by name; {folder} and {crm} are filled in."""
    python = sys.executable
    commands = {
        "dbt alone, no privacy": [python, str(HERE / "baseline.py"), "{crm}", "{folder}"],
        "night": [python, "-m", "trustmart.cli", "night", "--as-of", "2026-11-20", "--json"],
    }
    if airflow:
        commands["night through Airflow"] = [python, "-m", "trustmart_airflow.night", "--as-of", "2026-11-20"]
    return commands


def measure(crm: Path, rounds: int, airflow: bool) -> dict[str, dict[str, float]]:
    """Run every contestant in turns, after one round that only warms caches."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants(airflow)}
    for number in range(rounds + 1):
        for name, command in contestants(airflow).items():
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                filled = [word.format(crm=crm, folder=folder) for word in command]
                outcome = run(filled, environment(folder, crm))
                if number:
                    figures[name].append(outcome)
                print(f"round {number}  {name:<24} {outcome[0]:6.1f} s  {outcome[1]:6.0f} MiB", flush=True)
    return {
        name: {
            "median_s": round(statistics.median(seconds for seconds, _ in outcomes), 2),
            "fastest_s": round(min(seconds for seconds, _ in outcomes), 2),
            "slowest_s": round(max(seconds for seconds, _ in outcomes), 2),
            "peak_mib": round(max(memory for _, memory in outcomes)),
        }
        for name, outcomes in figures.items()
    }


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crm", type=Path, default=BANK_CRM)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--airflow", action="store_true")
    options = parser.parse_args()
    if not options.crm.is_dir():
        sys.exit(f"no CRM extract in {options.crm}; make one: trustmart generate {options.crm}")
    figures = measure(options.crm, options.rounds, options.airflow)
    ratio = round(figures["night"]["median_s"] / figures["dbt alone, no privacy"]["median_s"], 2)
    result = {"crm": options.crm.name, "rounds": options.rounds, "figures": figures, "night_over_dbt_alone": ratio}
    if options.airflow:
        result["airflow_extra_s"] = round(
            figures["night through Airflow"]["median_s"] - figures["night"]["median_s"], 2
        )
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
