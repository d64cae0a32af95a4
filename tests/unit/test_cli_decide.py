"""trustmart decide: a file or a name, a tree or JSON, and the flow chart beside it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trustmart.cli.decide import app

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "use_cases"
ONE = """\
purpose: {data_use: marketing.communications.email, product: own_similar, necessary_for_contract: false}
processing: {kind: contact, individuals: true, profiling: false, significant_effect: false, channels: [email]}
source: {categories: [user.contact.email], origin: first_party, existing_relationship: true, obtained_in_sale: true,
         electronic_communications: false}
transfers: []
"""


def decided(*typed: str) -> Any:
    """Run the command with --json."""
    result = CliRunner().invoke(app, ["decide", *typed, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_one_use_case_of_a_file_is_one_answer(tmp_path: Path) -> None:
    """S06: a file with one use case comes back as one object, with its version to sign."""
    (tmp_path / "savings_promotion.yml").write_text(ONE)
    said = decided("--use-case", str(tmp_path / "savings_promotion.yml"))
    assert (said["use_case"], said["legal_basis"], said["reach"]) == ("savings_promotion", "legitimate_interest", None)
    assert len(said["version"]) == 12
    assert said["status"]["state"] == "incomplete"


@pytest.mark.parametrize("example", ["bank", "telco", "shop", "public_body"])
def test_every_example_runs(example: str) -> None:
    """S25: the examples are decided under their own controller."""
    assert len(decided("--use-case", str(EXAMPLES / f"{example}.yml"))) >= 7


def test_without_a_use_case_all_of_the_policy_is_decided() -> None:
    """S06: every use case of the policy, in its order."""
    assert {"loan_offers", "monthly_report"} <= {said["use_case"] for said in decided()}


def test_a_tree_for_people() -> None:
    """S57: questions, answers, articles and conditions, in words."""
    result = CliRunner().invoke(app, ["decide", "--use-case", "loan_offers"])
    assert result.exit_code == 0
    assert "legitimate interest" in result.stdout
    assert "Does the contract need it?" in result.stdout


@pytest.mark.parametrize(("file", "begins"), [("chart.svg", "<svg "), ("chart.mmd", "flowchart TD")])
def test_the_flow_chart_beside_it(tmp_path: Path, file: str, begins: str) -> None:
    """S06: the path of a use case as a picture."""
    decided("--use-case", "loan_offers", "--chart", str(tmp_path / file))
    assert (tmp_path / file).read_text().startswith(begins)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--use-case", "loan_offer"], "loan_offers"),
        (["--chart", "x.png"], ".svg or .mmd"),
    ],
)
def test_what_cannot_be_decided_is_said(typed: list[str], said: str) -> None:
    """S06: a name that nobody knows, and a picture that cannot be drawn."""
    result = CliRunner().invoke(app, ["decide", *typed])
    assert result.exit_code == 1
    assert said in result.output


def test_every_fault_of_a_file_is_said(tmp_path: Path) -> None:
    """S32: faults come with file, line and suggestion, and the command to type again."""
    (tmp_path / "f.yml").write_text(ONE.replace("own_similar", "own_simlar").replace("origin:", "orgin:"))
    result = CliRunner().invoke(app, ["decide", "--use-case", str(tmp_path / "f.yml")])
    assert result.exit_code == 1
    assert "f.yml:1: purpose.product" in result.output
    assert "f.yml:3: source.orgin" in result.output
    assert "trustmart decide --use-case" in result.output
