"""Charts as inline SVG: drawn by matplotlib, coloured by the page, spoken by a screen reader."""

import io
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from trustmart.report.words import number, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Drawn in these; the page exchanges them for its own variables: a chart follows light, dark and print.
# Blue against orange, each far from the other in lightness too: safe with every kind of colour blindness.
INK, MUTED, STRONG, SOFT, FAINT, HELD = "#1c2731", "#5a6773", "#1f6a98", "#8fb8d1", "#d9e2e9", "#c4560a"
_VARIABLES = {INK: "ink", MUTED: "muted", STRONG: "strong", SOFT: "soft", FAINT: "faint", HELD: "held"}

_WIDTH = 340.0
_TEXT = 11.5
# The widest a letter and a bold digit of that size are on average.
_LETTER, _DIGIT = 6.6, 7.7
_MINUS = "\N{MINUS SIGN}"

Rows = Sequence[tuple[str, int]]


def ranking(rows: Rows, *, key: str, title: str) -> Markup:
    """Draw one bar per name, the name above its bar."""
    figure, axes = _canvas(len(rows) * 34)
    most = max((value for _, value in rows), default=0) or 1
    for index, (name, value) in enumerate(rows):
        top = index * 34
        _say(axes, 0, top + 8, _short(name, _WIDTH - _room(most)))
        _say(axes, _WIDTH, top + 8, number(value), right=True, bold=True)
        _bar(axes, 0, top + 17, _WIDTH * value / most, STRONG)
    return _svg(figure, key, _spoken(title, rows))


def distribution(rows: Rows, *, key: str, title: str, rare: int = 0) -> Markup:
    """Draw one bar per class size; the first `rare` of them are below what is asked for."""
    figure, axes = _canvas(len(rows) * 22)
    most = max((value for _, value in rows), default=0) or 1
    left, right = max((len(name) for name, _ in rows), default=0) * _DIGIT + 8, _room(most)
    for index, (name, value) in enumerate(rows):
        middle, width = index * 22 + 11, (_WIDTH - left - right) * value / most
        _say(axes, left - 8, middle, name, right=True, color=MUTED)
        _bar(axes, left, middle - 6.5, width, HELD if index < rare else STRONG, height=13)
        _say(axes, left + width + 6, middle, number(value), bold=True)
    return _svg(figure, key, _spoken(title, rows))


def waterfall(rows: Rows, *, key: str, title: str) -> Markup:
    """Draw what is left after each step, and beside it what the step took away."""
    figure, axes = _canvas(len(rows) * 34)
    most = max((value for _, value in rows), default=0) or 1
    scale, room, before = _WIDTH / most, _room(most), rows[0][1] if rows else 0
    for index, (name, left) in enumerate(rows):
        top, is_last = index * 34, index == len(rows) - 1
        _say(axes, 0, top + 8, _short(name, _WIDTH - 2 * room), bold=is_last)
        _say(axes, _WIDTH, top + 8, number(left), right=True, bold=True)
        if before > left:
            _say(axes, _WIDTH - room, top + 8, f"{_MINUS}{number(before - left)}", right=True, color=MUTED)
            _bar(axes, left * scale, top + 17, (before - left) * scale, FAINT)
        _bar(axes, 0, top + 17, left * scale, STRONG if is_last or index == 0 else SOFT)
        before = left
    return _svg(figure, key, _spoken(title, [(plain(name), left) for name, left in rows]))


def mix(rows: Sequence[tuple[str, str, float | None, str]], *, key: str, title: str) -> Markup:
    """Draw one bar per way to a right, as long as the share of customers it reaches.

    rows: (name, what it counts, share from 0 to 1 or None where nobody knows, what is said below the bar).
    """
    figure, axes = _canvas(len(rows) * 52)
    for index, (name, counted, share, below) in enumerate(rows):
        top = index * 52
        _say(axes, 0, top + 8, _short(name, _WIDTH * 0.6), bold=True)
        _say(axes, _WIDTH, top + 8, counted, right=True, color=MUTED)
        _bar(axes, 0, top + 17, _WIDTH, FAINT)
        _bar(axes, 0, top + 17, _WIDTH * (share or 0), STRONG)
        _say(axes, 0, top + 36, below, color=MUTED)
    said = "; ".join(f"{plain(name)}: {counted}, {below}" for name, counted, _, below in rows)
    return _svg(figure, key, f"{title}: {said}.")


def _canvas(height: float) -> "tuple[Figure, Axes]":
    """Return a sheet measured in points, with its origin at the top left."""
    from matplotlib.figure import Figure

    height = max(height, 1.0)
    figure = Figure(figsize=(_WIDTH / 72, height / 72), dpi=72)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(height, 0)
    return figure, axes


def _say(
    axes: "Axes",
    x: float,
    middle: float,
    words: str,
    *,
    right: bool = False,
    bold: bool = False,
    color: str = INK,
) -> None:
    """Write one line."""
    axes.text(
        x,
        middle,
        words,
        ha="right" if right else "left",
        va="center_baseline",
        fontsize=_TEXT,
        fontweight="bold" if bold else "normal",
        color=color,
        parse_math=False,
    )


def _bar(axes: "Axes", x: float, top: float, width: float, color: str, *, height: float = 9.0) -> None:
    """Draw one bar; something that is there stays visible however little it is."""
    from matplotlib.patches import Rectangle

    if width > 0:
        axes.add_patch(Rectangle((x, top), max(width, 1.0), height, color=color, linewidth=0, clip_on=False))


def _room(most: int) -> float:
    """Return the width that the largest number needs, with a gap before it."""
    return len(number(most)) * _DIGIT + 10


def _short(name: str, width: float) -> str:
    """Cut a label that would run into its number; a screen reader gets it whole."""
    words, longest = plain(name), max(int(width / _LETTER), 2)
    return words if len(words) <= longest else f"{words[: longest - 1].rsplit(' ', 1)[0]} …"


def _spoken(title: str, rows: Rows) -> str:
    """Return the chart as a sentence."""
    return f"{title}: {'; '.join(f'{name} {number(value)}' for name, value in rows)}."


def _svg(figure: "Figure", key: str, spoken: str) -> Markup:
    """Return the sheet as an element that can stand in a page beside others of its kind."""
    import matplotlib

    # What a user's own matplotlibrc or the clock could change is set here: same figures, same bytes.
    fixed: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": key,
        "font.family": ["DejaVu Sans"],
        "path.simplify": False,
    }
    buffer = io.StringIO()
    no_metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with matplotlib.rc_context(fixed), warnings.catch_warnings():
        # The reader's browser has the letters that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(buffer, format="svg", metadata=no_metadata, transparent=True)
    return _at_home_in_a_page(buffer.getvalue(), key, spoken)


def _at_home_in_a_page(svg: str, key: str, spoken: str) -> Markup:
    """Strip what belongs to a file, make ids unique, leave colours and font to the page, say it aloud."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.S)
    body = re.sub(r"<defs>\s*</defs>", "", body)
    body = re.sub(r'\bid="', f'id="{key}-', body).replace("url(#", f"url(#{key}-")
    body = body.replace('href="#', f'href="#{key}-').replace(" font-family: 'DejaVu Sans';", "")
    body = re.sub(r"font: (\w+ )?([\d.]+px) 'DejaVu Sans'", r"font-weight: \1; font-size: \2", body)
    for color, name in _VARIABLES.items():
        body = re.sub(rf"(fill|stroke): {color}", rf"\1: var(--{name}, {color})", body)
    view = re.search(r'viewBox="[\d. ]+"', svg)
    label = escape(spoken)
    # The elements are matplotlib's, which escapes every label it writes; what is added here is escaped above.
    return Markup(
        f'<svg class="chart" role="img" aria-label="{label}" {view[0] if view else ""}'
        f' preserveAspectRatio="xMinYMin meet"><title>{label}</title>{_compact(body)}</svg>'
    )


def _compact(body: str) -> str:
    """Drop the blanks between elements."""
    return re.sub(r">\s+<", "><", body).strip()
