"""What would release a held mart is said on the page and in the terminal, in the same words."""

from typing import Any

import pytest
from rich.console import Console

from trustmart.anonymity.moves import Change, ChangeKind, Move
from trustmart.report import summary
from trustmart.report.moves import moves_of
from trustmart.report.page import render_page

MOVE = Move(
    changes=(Change(kind=ChangeKind.COARSEN, column="born", from_level="5 years", to_level="decade"),),
    loss_before=0.38,
    loss_after=0.41,
    suppressed_before=20,
    suppressed_after=32,
    releases=True,
)
SAID = "coarsen born from 5 years to decade: loss 0.38 -> 0.41, 12 more people left out"


def stages(**facts: Any) -> dict[str, Any]:
    """Return a release in which one mart is held."""
    mart = {"mart": "dim_x", "title": "Customers", "verdict": "held", "reasons": ["It is held."], **facts}
    return {"release": {"as_of": "2026-11-20T12:00:00+00:00", "marts": [mart], "audiences": [], "seconds": 1.0}}


def printed(stages: dict[str, Any]) -> str:
    """Return the terminal's words on one line."""
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(summary(stages))
    return capture.get()


def test_moves_stand_below_the_reasons_on_the_page_and_in_the_terminal() -> None:
    """(S12) A person reads what would release the mart, what it costs, and that it was tried."""
    held = stages(moves=[MOVE.as_dict()], moves_tried=7, moves_ended_early=False, no_moves_because="")
    for text in (printed(held), render_page(held, policy_version="x").replace("&gt;", ">")):
        assert SAID in text
        assert "each was tried on a copy" in text
        assert text.index("It is held.") < text.index(SAID)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, []),
        (
            {"moves": [], "no_moves_because": "its history is damaged"},
            ["no change of the mart: its history is damaged"],
        ),
        (
            {"moves": [], "moves_tried": 9, "moves_ended_early": True, "no_moves_because": "nothing helps"},
            ["no change of the mart: nothing helps (9 changes tried); the search ended early, after 9 changes"],
        ),
    ],
)
def test_where_nothing_helps_the_reason_is_said(facts: dict[str, Any], said: list[str]) -> None:
    """(S12) No moves are said with their reason, and a search that ended early says so."""
    assert moves_of(facts) == said
