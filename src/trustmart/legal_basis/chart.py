"""The flow chart as a picture: Mermaid text, or SVG; with the path of one use case, or without."""

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.decision import (
    ANONYMOUS,
    COMMUNICATIONS,
    CONSENT,
    CONTRACT,
    EXPLICIT,
    INTEREST,
    OBLIGATION,
    TRANSFERS,
    UNKNOWN,
)
from trustmart.legal_basis.flow import EDGES, OPTS, Edge, lines_of, path_of
from trustmart.legal_basis.verdict import Verdict


def mermaid(verdict: Verdict | None = None) -> str:
    """Return the flow chart as Mermaid text."""
    path = path_of(verdict) if verdict is not None else ()
    edges = [*EDGES, *(edge for edge in path if edge not in EDGES)]
    names = {node: f"n{number}" for number, node in enumerate(dict.fromkeys(n for edge in edges for n in edge[::2]))}
    lines = ["flowchart TD"]
    for node, name in names.items():
        label = "<br/>".join(_mermaid_text(line) for line in lines_of(node, verdict))
        lines.append(f'  {name}(["{label}"])' if node in OPTS else f'  {name}["{label}"]')
    for edge in edges:
        lines.append(f"  {names[edge.start]} -->|{edge.answer}| {names[edge.end]}")
    taken = [str(number) for number, edge in enumerate(edges) if edge in path]
    if taken:
        visited = dict.fromkeys(names[node] for edge in path for node in edge[::2])
        lines.append("  classDef taken fill:#e3eef6,stroke:#1f6a98,stroke-width:3px")
        lines.append(f"  class {','.join(visited)} taken")
        lines.append(f"  linkStyle {','.join(taken)} stroke:#1f6a98,stroke-width:3px")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    """Escape what Mermaid or HTML would read as more than text."""
    return "".join(char if char.isalnum() or char in " .,:?()'_-/" else f"#{ord(char)};" for char in text)


# --- SVG: three columns, one row per question

_LEFT, _MIDDLE, _RIGHT = (16, 340), (410, 300), (770, 180)
_ROW, _HEIGHT, _TOP = 88, 66, 58
_PLACES = {
    ANONYMOUS: (_LEFT, 0),
    COMMUNICATIONS: (_MIDDLE, 0),
    TRANSFERS: (_LEFT, 1),
    OBLIGATION: (_LEFT, 2),
    CONTRACT: (_LEFT, 3),
    INTEREST: (_LEFT, 4),
    CONSENT: (_LEFT, 5),
    EXPLICIT: (_LEFT, 6),
    UNKNOWN: (_LEFT, 8),
    LegalBasis.ANONYMOUS: (_RIGHT, 0),
    LegalBasis.LEGAL_OBLIGATION: (_RIGHT, 2),
    LegalBasis.CONTRACT: (_RIGHT, 3),
    LegalBasis.LEGITIMATE_INTEREST: (_RIGHT, 4),
    LegalBasis.EXPLICIT_CONSENT: (_RIGHT, 6),
    LegalBasis.CONSENT: (_RIGHT, 7),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A question or a legal basis."""

    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]
    is_basis: bool
    is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """An answer: the corners it goes through, and where its word stands."""

    corners: tuple[tuple[int, int], ...]
    answer: str
    is_taken: bool

    @property
    def points(self) -> str:
        """Return the corners as SVG has them."""
        return " ".join(f"{x},{y}" for x, y in self.corners)

    @property
    def word(self) -> tuple[int, int]:
        """Return where the answer stands: beside the arrow's start."""
        (x, y), (next_x, _) = self.corners[:2]
        return (x + 10, y - 6) if next_x != x else (x + 8, y + 16)


def svg(verdict: Verdict | None = None) -> str:
    """Return the flow chart as an SVG picture on a light background."""
    templates = Environment(loader=PackageLoader("trustmart.legal_basis", "."), autoescape=True, trim_blocks=True)
    title = "By what right may data be used?"
    if verdict is not None:
        title = f"{verdict.use_case}: {verdict.legal_basis.replace('_', ' ')}"
    path = path_of(verdict) if verdict is not None else ()
    edges = [*EDGES, *(edge for edge in path if edge not in EDGES)]
    boxes = [*_boxes(edges, path, verdict)]
    return templates.get_template("chart.svg.j2").render(
        title=title,
        width=_RIGHT[0] + _RIGHT[1] + 16,
        height=max(box.y + box.height for box in boxes) + 16,
        boxes=boxes,
        arrows=[Arrow(corners=_corners(edge), answer=edge.answer, is_taken=edge in path) for edge in edges],
    )


def _boxes(edges: list[Edge], path: tuple[Edge, ...], verdict: Verdict | None) -> Iterator[Box]:
    """Yield every box once; refused stands beside each question that leads there."""
    taken = {_key(edge, end) for edge in path for end in (edge.start, edge.end)}
    for key in dict.fromkeys(_key(edge, end) for edge in edges for end in (edge.start, edge.end)):
        node, (x, width), row = key[0], *_place(key)
        lines = tuple(lines_of(node, verdict))
        y = _TOP + row * _ROW
        yield Box(x=x, y=y, width=width, height=_HEIGHT, lines=lines, is_basis=node in OPTS, is_taken=key in taken)


def _key(edge: Edge, node: str) -> tuple[str, str]:
    """Name a box: by its node, and for refused by the question it stands beside."""
    return node, edge.start if node == LegalBasis.REFUSED else ""


def _place(key: tuple[str, str]) -> tuple[tuple[int, int], int]:
    """Return the column and row of a box."""
    node, beside = key
    return (_RIGHT, _PLACES[beside][1]) if node == LegalBasis.REFUSED else _PLACES[node]


def _corners(edge: Edge) -> tuple[tuple[int, int], ...]:
    """Return the way of an arrow: down a column, across to the right, or around."""
    (x, width), row = _place(_key(edge, edge.start))
    (to_x, to_width), to_row = _place(_key(edge, edge.end))
    middle, to_middle = (_TOP + at * _ROW + _HEIGHT // 2 for at in (row, to_row))
    bottom, right = _TOP + row * _ROW + _HEIGHT, x + width
    if row == to_row:
        return (right, middle), (to_x, middle)
    if x == to_x:
        return (x + width // 2, bottom), (x + width // 2, _TOP + to_row * _ROW)
    if to_x < x:
        return (x + width // 2, bottom), (x + width // 2, to_middle - 24), (to_x + to_width, to_middle - 24)
    if to_row > row:
        return (x + width // 2, bottom), (x + width // 2, to_middle), (to_x, to_middle)
    return (right, middle), (to_x - 20, middle), (to_x - 20, to_middle + 16), (to_x, to_middle + 16)
