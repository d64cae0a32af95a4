"""What would release a held mart, in words: each change with what it costs, the cheapest first."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from trustmart.report.words import number, plural

_NOTHING = "no change of the mart"


def moves_of(mart: Mapping[str, Any]) -> list[str]:
    """Return what would release a held mart, one sentence per change; or the one that says why there is nothing.

    Empty where nobody has looked (a released mart, or a report of an earlier version).
    """
    moves = [_said(move) for move in mart.get("moves") or []]
    if moves:
        return moves + ([_ended_early(mart)] if mart.get("moves_ended_early") else [])
    why = mart.get("no_moves_because")
    if not why:
        return []
    early = f"; {_ended_early(mart)}" if mart.get("moves_ended_early") else ""
    tried = f" ({plural(mart.get('moves_tried') or 0, 'change')} tried)" if mart.get("moves_tried") else ""
    return [f"{_NOTHING}: {why}{tried}{early}"]


def heading(moves: Sequence[str]) -> str:
    """Return what stands above the moves."""
    if any(move.startswith(_NOTHING) for move in moves):
        return "What would release it:"
    return "What would release it, the cheapest first (each was tried on a copy, and passed the gate):"


def lines(moves: Sequence[str]) -> list[RenderableType]:
    """Return the moves for the terminal, below a heading; nothing where there are none."""
    return [Text(heading(moves)), *(Padding(Text(f"- {move}"), (0, 0, 0, 2)) for move in moves)] if moves else []


def _said(move: Mapping[str, Any]) -> str:
    """Say a change with its cost: `coarsen born from 5 years to decade: loss 0.38 -> 0.41, …`."""
    loss = f"loss {move.get('loss_before', 0):.2f} -> {move.get('loss_after', 0):.2f}"
    costs = [loss, _people(move)]
    return f"{move.get('said')}: {', '.join(costs)}"


def _people(move: Mapping[str, Any]) -> str:
    """Say how many more or fewer people are left out."""
    more = (move.get("people_suppressed") or 0) - (move.get("people_suppressed_before") or 0)
    if not more:
        return "nobody more left out"
    return f"{number(abs(more))} {'more' if more > 0 else 'fewer'} {'person' if abs(more) == 1 else 'people'} left out"


def _ended_early(mart: Mapping[str, Any]) -> str:
    """Say that there was no time for more."""
    return f"the search ended early, after {plural(mart.get('moves_tried') or 0, 'change')}"
