"""A picture of what flows into a model: its columns on the right, the models on the way, the sources on the left."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader

from trustmart.errors import ConfigurationError
from trustmart.lineage import TypeReport
from trustmart.lineage.forms import Form, Step, Value
from trustmart.lineage.type_check import type_in_words
from trustmart.report.charts import FAINT, HELD, INK, MUTED, SOFT, STRONG

_WIDTH, _GAP, _LINE, _HEAD, _TOP = 280, 70, 20, 30, 56
# Colours that stay apart in every kind of colour blindness; the words beside the columns say the same.
_COLORS = {Form.CONSTANT: MUTED, Form.COUNTED: MUTED, Form.AGGREGATED: STRONG, Form.GENERALIZED: STRONG}
_LONGEST = 38


@dataclass(frozen=True, kw_only=True)
class Place:
    """A column of a model or source in the picture."""

    x: int
    y: int
    name: str
    said: str = ""
    color: str = INK


@dataclass(frozen=True, kw_only=True)
class Box:
    """A model or source in the picture."""

    x: int
    y: int
    height: int
    name: str


def draw_flow(report: TypeReport, model: str, path: Path) -> None:
    """Write the SVG; raises ConfigurationError for other formats and unknown models."""
    relation = report.relation(model)
    if path.suffix.lower() != ".svg" or relation is None:
        raise ConfigurationError(f"--picture {path.name}: a flow is drawn as .svg, of a model that can be followed")
    path.write_text(flow_svg(model, relation.columns), encoding="utf-8")


def flow_svg(model: str, columns: tuple[tuple[str, Value], ...]) -> str:
    """Return the picture of a model's columns and all their ways back."""
    colors, links = _ways(model, columns)
    ranks = _ranks(list(links), model)
    boxes, places = _laid_out(ranks, colors, {f"{model}.{name}": value for name, value in columns})
    lines = [(_end(places[start]), _start(places[end]), color) for (start, end), color in links.items()]
    templates = Environment(loader=PackageLoader("trustmart.report", "."), autoescape=True, trim_blocks=True)
    return templates.get_template("flow.svg.j2").render(
        title=f"What flows into {model}",
        width=max(box.x for box in boxes) + _WIDTH + 16 + 10,
        height=max(box.y + box.height for box in boxes) + 24,
        boxes=boxes,
        places=places.values(),
        lines=lines,
        box_width=_WIDTH,
        colors={"ink": INK, "muted": MUTED, "faint": FAINT, "soft": SOFT},
    )


def _ways(model: str, columns: tuple[tuple[str, Value], ...]) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Return the colour of every place, and of every link from a place to the next."""
    colors: dict[str, str] = {f"{model}.{name}": INK for name, _ in columns}
    links: dict[tuple[str, str], str] = {}
    for name, value in columns:
        for trace in value.traces.values():
            color = _COLORS.get(trace.form, HELD)
            colors[f"{model}.{name}"] = _COLORS.get(value.form, HELD)
            steps: list[Step] = list(trace.step)
            for later, earlier in itertools.pairwise(steps):
                colors.setdefault(earlier.place, INK)
                links[earlier.place, later.place] = color
    return colors, links


def _ranks(links: list[tuple[str, str]], model: str) -> dict[str, int]:
    """Return how far each model is from the one that is drawn: the longest way counts."""
    edges = {(_owner(start), _owner(end)) for start, end in links}
    ranks = {model: 0}
    for _ in range(len(edges) + 1):
        for start, end in edges:
            if end in ranks:
                ranks[start] = max(ranks.get(start, 0), ranks[end] + 1)
    return ranks


def _owner(place: str) -> str:
    """Return the model or source of a place."""
    return place.rpartition(".")[0]


def _laid_out(
    ranks: dict[str, int], colors: dict[str, str], shown: dict[str, Value]
) -> tuple[list[Box], dict[str, Place]]:
    """Put sources left and the model right, the others between."""
    deepest, boxes, places = max(ranks.values()), [], {}
    heights = dict.fromkeys(range(deepest + 1), _TOP)
    for owner in sorted(ranks, key=lambda name: (ranks[name], name)):
        rank = ranks[owner]
        x, y = 16 + (deepest - rank) * (_WIDTH + _GAP), heights[rank]
        own = [place for place in colors if _owner(place) == owner]
        line = _LINE * (2 if rank == 0 else 1)
        for number, place in enumerate(own):
            said = _short(type_in_words(shown[place])) if place in shown else ""
            row = y + _HEAD + number * line + _LINE // 2
            places[place] = Place(x=x, y=row, name=_short(place.rpartition(".")[2]), said=said, color=colors[place])
        height = _HEAD + len(own) * line + 8
        boxes.append(Box(x=x, y=y, height=height, name=_short(owner)))
        heights[rank] = y + height + 18
    return boxes, places


def _short(words: str) -> str:
    """Cut what would run out of its box."""
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _end(place: Place) -> tuple[int, int]:
    """Return where a link leaves a place."""
    return place.x + _WIDTH, place.y


def _start(place: Place) -> tuple[int, int]:
    """Return where a link arrives."""
    return place.x, place.y
