"""What falls out of a verdict: the flow chart, the answer, the tree at the terminal, and the record of processing."""

import csv
import io
import itertools
import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from support.use_cases import USE_CASES_WITH_GAPS, WORLD, WORLDS, policy_of, use_case, use_cases
from trustmart.destinations.spreadsheets import harmless
from trustmart.legal_basis import Standing, World, alternatives, decide, reach, status_of, statuses_of, tally_of
from trustmart.legal_basis.answer import answer
from trustmart.legal_basis.chart import mermaid, svg
from trustmart.legal_basis.flow import EDGES, path_of
from trustmart.legal_basis.record import COLUMNS, record_rows
from trustmart.policy.use_cases import UseCase
from trustmart.report.decision_tree import decision_tree
from trustmart.report.record_page import record_csv

KEYS = {
    "use_case",
    "legal_basis",
    "opt_in_required",
    "opt_out_required",
    "conditions",
    "trail",
    "decided_by",
    "reach",
    "alternatives",
    "status",
    "version",
    "undecided",
}
NEWS = {"product": "own_dissimilar", "channels": ["email"], "asked_as": "news"}
PEOPLE = [
    Standing(people=80),
    Standing(people=15, consents=frozenset({"news"})),
    Standing(people=5, objections=frozenset({"news"})),
]


def answered(made: UseCase, world: World = WORLD, *, people: list[Standing] | None = None) -> dict[str, Any]:
    """Return the whole answer about one use case."""
    status = status_of(made, decide("offer", made, world), {})
    counted = reach(tally_of(people), {"offer": made.asked_as})["offer"] if people is not None else None
    return answer(made, status, alternatives=alternatives("offer", made, world), reach=counted, value_per_contact=2.0)


def printed(said: dict[str, Any]) -> str:
    """Return the tree as it stands at a terminal."""
    console = Console(width=200, file=io.StringIO())
    console.print(decision_tree(said))
    return console.file.getvalue()


@settings(max_examples=60)
@given(st.one_of(use_cases(), USE_CASES_WITH_GAPS), WORLDS)
def test_every_answer_is_json_and_a_tree_and_a_picture(made: UseCase, world: World) -> None:
    """S06: whatever is decided can be read by scripts and by people, and drawn."""
    said = json.loads(json.dumps(answered(made, world)))
    assert set(said) == KEYS
    assert set(said["trail"][0]) == {"question", "answer", "because"}
    assert set(said["trail"][0]["because"]) == {"field", "value", "rule", "article"}
    assert said["legal_basis"].replace("_", " ") in printed(said)
    verdict = decide("offer", made, world)
    path = path_of(verdict)
    assert path[-1].end == verdict.legal_basis
    if not verdict.undecided:
        assert all(one.end == other.start for one, other in itertools.pairwise(path))
    ElementTree.fromstring(svg(verdict))
    assert mermaid(verdict).startswith("flowchart TD\n")


def test_reach_is_what_each_way_could_address() -> None:
    """S02, S07: the share of our customers and what it is worth, by branch."""
    said = answered(use_case(**NEWS), people=PEOPLE)
    assert {name: part["people"] for name, part in said["reach"].items()} == {
        "anonymous": 100,
        "contract": 100,
        "legitimate_interest": 95,
        "consent": 15,
    }
    assert said["reach"]["consent"]["value_eur"] == 30.0
    assert "15.0%" in printed(said)


def test_alternatives_say_what_they_would_gain() -> None:
    """S58: from consent to legitimate interest, eighty in a hundred more could be addressed."""
    gained = {other["legal_basis"]: other for other in answered(use_case(**NEWS), people=PEOPLE)["alternatives"]}
    assert gained["legitimate_interest"]["reach_gained"] == pytest.approx(0.8)
    assert gained["legitimate_interest"]["people_gained"] == 80
    assert gained["legitimate_interest"]["edits"] == [
        {"field": "purpose.product", "from": "own_dissimilar", "to": "own_similar"}
    ]


def test_without_a_warehouse_reach_is_null_and_the_tree_says_how_to_get_it() -> None:
    """S07: a decision needs no warehouse."""
    said = answered(use_case(**NEWS))
    assert said["reach"] is None
    assert "trustmart night" in printed(said)


def test_no_text_of_a_use_case_is_markup() -> None:
    """S06: a name with brackets is shown as it is, in tree, SVG and Mermaid."""
    odd = use_case(statutory_duty='[red]x[/red] <script>"`;\x01', data_use="essential.service")
    verdict = decide("a<b>[bold]", odd, WORLD)
    ElementTree.fromstring(svg(verdict))
    assert "<script>" not in svg(verdict)
    assert '"`;' not in mermaid(verdict)
    said = answer(odd, status_of(odd, verdict, {}))
    assert "a<b>[bold]" in printed(said)
    assert "[red]x[/red]" in printed(said)


def test_the_chart_without_a_use_case_highlights_nothing() -> None:
    """S06: the flow chart itself, for a wall."""
    assert "taken" not in mermaid()
    assert mermaid().count("-->") == len(EDGES)
    assert 'stroke="#1f6a98"' not in svg()


def test_the_path_of_a_use_case_is_highlighted() -> None:
    """S06: the boxes and arrows that a use case goes through stand out."""
    verdict = decide("offer", use_case(), WORLD)
    taken = len(path_of(verdict))
    drawn = ElementTree.fromstring(svg(verdict))
    names = "{http://www.w3.org/2000/svg}"
    assert sum(line.get("stroke") == "#1f6a98" for line in drawn.iter(f"{names}polyline")) == taken
    assert sum(box.get("stroke") == "#1f6a98" for box in drawn.iter(f"{names}rect")) == taken + 1
    links = re.search(r"linkStyle ([\d,]+) ", mermaid(verdict))
    assert links is not None
    assert len(links[1].split(",")) == taken


@pytest.mark.parametrize("text", ["=1+1", "+47", "-1", "@SUM(A1)", "\t=1", " =1", "|cmd", "\n=1"])
def test_a_spreadsheet_runs_nothing(text: str) -> None:
    """S06: a cell that a spreadsheet would take for a formula is text."""
    row = {**dict.fromkeys(COLUMNS, ""), "benefit": text}
    read = next(csv.DictReader(io.StringIO(record_csv([row]), newline="")))
    assert read["benefit"] == f"'{text}"


def test_what_is_harmless_stays_as_it_is() -> None:
    """S06: only what could run is touched."""
    assert harmless("a better rate - for them") == "a better rate - for them"


def test_the_record_says_what_article_30_asks_for() -> None:
    """S05, S59: controller, purposes, people, data, recipients, transfers, time limits, security and owners."""
    far = {"recipient": "tool", "relation": "processor", "country": "CN", "mechanism": "scc"}
    made = use_case(transfers=(far,), **NEWS, owners={"business": "head_of_news", "legal": "dpo"})
    row = record_rows(policy_of(news=made), statuses_of(policy_of(news=made)))[0]
    assert tuple(row) == COLUMNS
    assert (row["controller"], row["legal_basis"], row["article"]) == ("Bank (NO)", "consent", "GDPR 6(1)(a)")
    assert (row["recipients"], row["owner_business"]) == ("tool (processor)", "head_of_news")
    assert row["transfers_outside_the_eea"] == "tool: CN (standard contractual clauses, GDPR 46(2)(c))"
    assert row["time_limit"] == "until consent is withdrawn, at most 730 days"
    assert row["categories_of_people"] == "customers"
    assert row["status"] == "incomplete"


def test_the_record_names_what_lifts_the_ban_on_special_categories() -> None:
    """S28: health data by explicit consent stand on two articles."""
    made = policy_of(lenses=use_case(categories=["user.health_and_medical"]))
    assert record_rows(made, statuses_of(made))[0]["article"] == "GDPR 6(1)(a), 9(2)(a)"
