"""Files of use cases: every way to write them, and every fault of a file at once."""

from pathlib import Path

import pytest
import yaml

from trustmart.errors import PolicyFault
from trustmart.policy.use_case_file import read_use_cases

BLOCKS = """\
owners: {business: head_of_savings, legal: dpo}
purpose: {data_use: marketing.communications.email, product: own_similar, necessary_for_contract: false,
          statutory_duty: null, benefit: "a better savings rate"}
processing: {kind: contact, individuals: true, profiling: false, significant_effect: false, channels: [email]}
source: {categories: [user.contact.email, user.account], origin: first_party, existing_relationship: true,
         obtained_in_sale: true, electronic_communications: false}
transfers: []
"""
NAMED = "savings_promotion:\n" + "".join(f"  {line}\n" for line in BLOCKS.splitlines())
CONTROLLER = "controller: {name: Town, kind: public_body, country: NO, contact: a@b.example, data_protection_officer: c@b.example}\n"


def faults_of(tmp_path: Path, text: str) -> list[str]:
    """Return the faults of a file, without its name."""
    path = tmp_path / "f.yml"
    path.write_text(text)
    with pytest.raises(PolicyFault) as caught:
        read_use_cases(path)
    return [fault.removeprefix("f.yml:") for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("a.yml", NAMED, "savings_promotion"),
        ("a.yml", "use_cases:\n" + "".join(f"  {line}\n" for line in NAMED.splitlines()), "savings_promotion"),
        ("Savings-Promotion 2.yml", BLOCKS, "savings_promotion_2"),
        ("2027.yml", BLOCKS, "use_case_2027"),
    ],
)
def test_a_use_case_can_be_written_in_three_ways(tmp_path: Path, file: str, text: str, name: str) -> None:
    """S32: under use_cases, with names at the top, or with its four blocks at the top."""
    path = tmp_path / file
    path.write_text(text)
    assert list(read_use_cases(path).use_cases) == [name]


@pytest.mark.parametrize("text", [NAMED, BLOCKS])
def test_a_file_can_say_whose_use_cases_they_are(tmp_path: Path, text: str) -> None:
    """S05: the controller decides too; a file can bring its own."""
    path = tmp_path / "a.yml"
    path.write_text(CONTROLLER + text)
    controller = read_use_cases(path).controller
    assert controller is not None
    assert controller.kind == "public_body"


@pytest.mark.parametrize("block", ["purpose", "processing", "source", "transfers"])
def test_a_missing_block_is_a_fault(tmp_path: Path, block: str) -> None:
    """S32: a use case has exactly four blocks; one missing is an error."""
    content = yaml.safe_load(NAMED)
    del content["savings_promotion"][block]
    assert faults_of(tmp_path, yaml.safe_dump(content)) == [f"1: savings_promotion.{block}: '{block}' is missing"]


def test_every_fault_comes_at_once_with_line_and_suggestion(tmp_path: Path) -> None:
    """S32: each fault says where it is, what was found, what is accepted, and what was probably meant."""
    text = (
        NAMED.replace("own_similar", "own_simular")
        .replace("channels: [email]", "chanels: [e-mail]")
        .replace("marketing.communications.email", "marketing.comunications.email")
        .replace("user.account", "user.acount")
        .replace("profiling: false", "profiling: perhaps")
        .replace("necessary_for_contract: false", "necessary_for_contract: 3")
    )
    faults = faults_of(tmp_path, text)
    places = [fault.split(": ", 2)[:2] for fault in faults]
    assert places == [
        ["3", "savings_promotion.purpose.product"],
        ["3", "savings_promotion.purpose.necessary_for_contract"],
        ["3", "savings_promotion.purpose.data_use"],
        ["5", "savings_promotion.processing.profiling"],
        ["5", "savings_promotion.processing.chanels"],
        ["6", "savings_promotion.source.categories.1"],
    ]
    said = [fault.split(": ", 2)[2] for fault in faults]
    assert said[0].startswith("found 'own_simular'; accepted: own_similar, own_dissimilar, group_company")
    assert said[0].endswith("did you mean own_similar?")
    assert said[1] == "found 3; accepted: true, false or a sentence"
    assert "did you mean marketing.communications.email?" in said[2]
    assert said[3] == "found 'perhaps'; accepted: true or false"
    assert said[4].startswith("unknown word 'chanels'; accepted here: kind, individuals")
    assert said[4].endswith("did you mean channels?")
    assert "'user.acount' is not a fideslang data category; did you mean user.account?" in said[5]


def test_contradictions_are_named_one_by_one(tmp_path: Path) -> None:
    """S08: an anonymous use case with a channel, and a contract for somebody else's product, cannot be."""
    text = NAMED.replace("individuals: true", "individuals: false").replace("own_similar", "third_party")
    faults = faults_of(tmp_path, text.replace("necessary_for_contract: false", "necessary_for_contract: true"))
    assert all(fault.startswith("1: savings_promotion: ") for fault in faults)
    assert any("people are reached by email" in fault for fault in faults)
    assert any("somebody else's product" in fault for fault in faults)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: there is no use case"),
        ("- a\n", "1: there is no use case"),
        ("a: [1\n", "cannot be read"),
        ("use_cases: 3\n", "1: use_cases: found 3; accepted: a block"),
        ("use_cases: {}\nextra: 1\n", "2: extra: unknown word 'extra'"),
        ("nothing: null\n", "1: nothing: found None; accepted: a block"),
        (NAMED.replace("savings_promotion", "Savings"), "1: Savings: a name has small letters"),
        (NAMED.replace("transfers: []", "transfers: IE"), "found 'IE'; accepted: a list"),
        (NAMED.replace("legal: dpo", "legal: {by: dpo, on: 2026-01-01}"), "'version' is missing"),
        (NAMED.replace("legal: dpo", "legal: 3"), "found 3; accepted"),
        (NAMED.replace("business: head_of_savings", "busines: x"), "did you mean business?"),
    ],
)
def test_whatever_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    """S32: a file that is no use case says so, with its line."""
    faults = faults_of(tmp_path, text)
    assert any(said in fault for fault in faults), faults
