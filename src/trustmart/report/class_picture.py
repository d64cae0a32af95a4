"""A picture of a release: how large its classes are, and how many people carry which risk."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustmart.anonymity.table_measures import TableMeasures
from trustmart.errors import ReleaseFault
from trustmart.report.charts import FAINT, HELD, INK, MUTED, STRONG
from trustmart.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FORMATS = (".svg", ".png")


def draw_classes(measures: TableMeasures, sizes: Sequence[tuple[int, int]], path: Path, *, title: str) -> None:
    """Write an SVG or PNG. sizes: (class size, classes of that size); raises ReleaseFault for other formats."""
    if path.suffix.lower() not in _FORMATS:
        raise ReleaseFault([f"--picture {path.name}: a picture is one of {', '.join(_FORMATS)}"])
    import matplotlib
    from matplotlib.figure import Figure

    fixed: dict[str, Any] = {"svg.hashsalt": title, "font.family": ["DejaVu Sans"], "font.size": 10}
    with matplotlib.rc_context(fixed):
        figure = Figure(figsize=(9, 3.8), dpi=144, layout="constrained")
        left, right = figure.subplots(1, 2)
        figure.suptitle(title, color=INK, x=0.01, ha="left", fontsize=11, parse_math=False)
        _draw_sizes(left, measures)
        _draw_risk(right, measures, sorted(sizes))
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def _draw_sizes(axes: "Axes", measures: TableMeasures) -> None:
    """Draw one bar per class size, those below k in another colour."""
    bins = measures.class_size_histogram
    names = [_span(size_bin["from"], size_bin["to"]) for size_bin in bins]
    classes = [size_bin["classes"] or 0 for size_bin in bins]
    colors = [HELD if (size_bin["from"] or 0) < measures.k else STRONG for size_bin in bins]
    bars = axes.barh(names, classes, color=colors)
    axes.bar_label(bars, [number(count) for count in classes], padding=4, color=INK)
    axes.invert_yaxis()
    axes.set_xlabel("classes", color=MUTED)
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.locator_params(axis="x", nbins=4)
    axes.set_title(f"people per class (k = {measures.k})", color=INK, loc="left", fontsize=10)
    axes.margins(x=0.18)
    _quiet(axes)


def _draw_risk(axes: "Axes", measures: TableMeasures, sizes: Sequence[tuple[int, int]]) -> None:
    """Draw which share of the people has at least which chance of being named."""
    risks, shares, held = [], [], 0
    for size, classes in sizes:
        held += size * classes
        risks.append(1 / size)
        shares.append(100 * held / max(measures.records, 1))
    axes.step(risks, shares, where="pre", color=STRONG, linewidth=2)
    axes.axvline(1 / measures.k, color=HELD, linewidth=1.2, linestyle="--")
    # At the bottom: the curve begins at the top, wherever the line stands.
    axes.annotate(f" 1/k = {1 / measures.k:.3g}", (1 / measures.k, 2), color=HELD, va="bottom")
    axes.set_xscale("log")
    rarest = max((size for size, _ in sizes), default=1)
    steps = [10**power for power in range(len(str(rarest)))] if rarest >= 10 else [1, 2, 5]
    axes.set_xticks([1 / step for step in steps], [f"1 in {number(step)}" for step in steps])
    axes.minorticks_off()
    axes.set_ylim(0, 105)
    axes.set_xlabel("chance of being named (1 / class size)", color=MUTED)
    axes.set_title("people with at least this risk, %", color=INK, loc="left", fontsize=10)
    axes.grid(axis="y", color=FAINT)
    _quiet(axes)


def _quiet(axes: "Axes") -> None:
    """Take away what says nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=MUTED)


def _span(low: int | None, high: int | None) -> str:
    """Return a bin's name."""
    return f"{low} and more" if high is None else str(low) if low == high else f"{low}-{high}"
