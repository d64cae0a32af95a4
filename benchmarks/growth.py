"""Draw the time per person against the number of people, from the last run of anonymity.py."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "growth"

from matplotlib import pyplot as plt  # noqa: E402 (the way of drawing is chosen first)

RESULTS = Path(__file__).parent / "results"
DRAWN = {
    "optimal fit": "optimal fit",
    "verify, apply, write": "nightly: verify, apply, write",
    "inspect, every measure": "inspect, every measure",
    "inspect, k, l and t": "inspect, k, l and t alone",
}


def main() -> None:
    """Draw one line per piece of work."""
    by_size = json.loads((RESULTS / "anonymity.json").read_text())["crm"]
    people = [int(size) for size in by_size]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, label in DRAWN.items():
        taken = [found["figures"][name]["wall_s"] * 1e6 / int(size) for size, found in by_size.items()]
        said = " → ".join(f"{each:.2f}" for each in taken)
        axes.plot(people, taken, marker="o", label=f"{label}: {said}")
    axes.set(xscale="log", yscale="log", xlabel="people", ylabel="microseconds a person", title="Time per person")
    axes.set_xticks(people, [f"{size:,}" for size in people])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(RESULTS / "growth.svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
