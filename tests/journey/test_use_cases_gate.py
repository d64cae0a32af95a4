"""Nights in which a use case is signed, unsigned, refused and signed again: what that does to marts and destinations."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from trustmart.errors import ReleaseHeld
from trustmart.pipeline import Context, night, open_context, raise_if_held
from trustmart.pipeline.dbt_project import run_dbt
from trustmart.settings import Settings
from trustmart.sources.synthetic import generate

pytestmark = [pytest.mark.slow]

PROJECT = Path(__file__).resolve().parents[2]
FIRST = datetime(2026, 11, 20, 2, tzinfo=UTC)
MAIL, LETTERS = "aud_email_marketing__active_customers", "aud_loan_offers__good_standing"
SCORE = "score_term_deposit_propensity__customers"
SIGNED = "owners: {business: head_of_marketing, legal: dpo}\n    purpose: {data_use: marketing.communications.email"
UNSIGNED = SIGNED.replace("legal: dpo", "legal: null")


class Company:
    """A deployment whose policy changes from night to night."""

    def __init__(self, home: Path) -> None:
        """Make a CRM and a policy of its own."""
        self.home, self.policy, self.nights = home, home / "policy", 0
        shutil.copytree(PROJECT / "policy", self.policy)
        generate(home / "crm", customers=6_000)

    def context(self) -> Context:
        """Open the deployment in the present night."""
        at = FIRST + timedelta(days=self.nights)
        settings = Settings(data=self.home / "data", policy=self.policy, key=SecretStr("k" * 64))
        return open_context(as_of=at, now=at, settings=settings)

    def night(self) -> dict[str, Any]:
        """Run the next night."""
        self.nights += 1
        return night(self.context())

    def say(self, old: str, new: str) -> None:
        """Replace words in use_cases.yml."""
        path = self.policy / "use_cases.yml"
        text = path.read_text()
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new))

    def people(self, mart: str) -> int | None:
        """Return how many rows a personal mart has, None where there is no such mart."""
        with self.context().warehouse.session(reads=["personal"]) as session:
            if not session.columns("personal", mart):
                return None
            return int(session.value(f"select count(*) from personal.{mart}"))

    def sent(self, stages: dict[str, Any], audience: str) -> tuple[int, int]:
        """Return how many were added to a destination and removed from it."""
        (told,) = [row for row in stages["activate"]["audiences"] if row["audience"] == audience]
        return told["added"], told["removed"]

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """Return what the ledger says of a kind of entry."""
        return [entry.facts for entry in self.context().ledger.entries(kind)]


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """A company after its first night, on which everything was in order."""
    monkeypatch.setenv("TRUSTMART_CRM_FOLDER", str(tmp_path / "crm"))
    monkeypatch.setenv("TRUSTMART_OUTBOX", str(tmp_path / "outbox"))
    made = Company(tmp_path)
    made.night()
    return made


def test_a_draft_is_not_built_and_its_people_are_taken_back(company: Company) -> None:
    """Unsigned, an audience is gone from the zone and from its destination; signed again, it is as before (S03, S05)."""
    before = company.people(MAIL)
    assert before is not None
    assert before > 50
    company.say(SIGNED, UNSIGNED)
    stages = company.night()
    (left_out,) = stages["transform"]["not_built"]
    assert (left_out["mart"], left_out["owner"]) == (MAIL, "head_of_marketing")
    assert "not signed by legal" in left_out["why"]
    assert company.people(MAIL) is None
    assert company.sent(stages, MAIL) == (0, before)
    assert company.sent(stages, LETTERS) == (0, 0)
    with pytest.raises(ReleaseHeld, match=r"email_marketing is a draft.*not signed by legal"):
        raise_if_held(stages["release"])
    assert [mart["verdict"] for mart in stages["release"]["marts"]] == ["released"] * 8

    company.say(UNSIGNED, SIGNED)
    added = company.sent(company.night(), MAIL)
    back = company.people(MAIL)
    assert added == (back, 0)
    # Two nights on, a few consents have run out.
    assert back is not None
    assert before * 0.95 < back <= before


def test_a_refused_use_case_lets_nobody_through_whoever_builds(company: Company) -> None:
    """A transfer that nothing carries ends the right: no mart, no row of the door, and dbt alone cannot build it (S03)."""
    company.say(
        "country: NO, mechanism: none}\n    asked_as: loan_offers",
        "country: CN, mechanism: none}\n    asked_as: loan_offers",
    )
    stages = company.night()
    (left_out,) = stages["transform"]["not_built"]
    assert "loan_offers is refused" in left_out["why"]
    assert company.people(LETTERS) is None
    context = company.context()
    assert "loan_offers" not in context.grounds
    run = run_dbt(context, ["build", "--select", LETTERS])
    assert not run.ok
    with context.warehouse.session(reads=["restricted"]) as session:
        door = "select count(*) from restricted.int_subjects__permitted where use_case = 'loan_offers'"
        assert session.value(door) == 0


def test_a_consent_that_nobody_plans_to_use_does_not_run(company: Company) -> None:
    """Consent stands only with a plan to capture it and a plan to use it (S10)."""
    company.say("    activation_plan: a newsletter every month, offers four times a year\n", "")
    (left_out,) = company.night()["transform"]["not_built"]
    assert "incomplete" in left_out["why"]
    assert "activation_plan" in left_out["why"]


def test_an_anonymized_mart_without_a_right_keeps_its_last_release(company: Company) -> None:
    """An unsigned report is held, and readers keep what was released before (S03, S12)."""
    path = company.context().warehouse.path("anonymized")
    with duckdb.connect(str(path), read_only=True) as reader:
        before = reader.sql("from fct_transactions_by_segment order by all").fetchall()
    company.say("owners: {business: head_of_finance, legal: dpo}", "owners: {business: head_of_finance}")
    stages = company.night()
    held = {mart["mart"]: mart for mart in stages["release"]["marts"] if mart["verdict"] == "held"}
    assert set(held) == {"fct_transactions_by_segment", "fct_active_customers_by_month"}
    assert "monthly_report is a draft" in held["fct_transactions_by_segment"]["reasons"][0]
    with duckdb.connect(str(path), read_only=True) as reader:
        assert reader.sql("from fct_transactions_by_segment order by all").fetchall() == before


def test_every_crossing_into_personal_space_is_registered_with_its_count(company: Company) -> None:
    """Who is scored by what was learned anonymously stands in the ledger, each night; without a right nobody is (S15, S16)."""
    (crossing,) = company.facts("crossing")
    assert crossing["people"] == company.people(SCORE)
    assert (crossing["learned_from"], crossing["legal_basis"]) == (
        "fct_offer_propensity",
        "legitimate_interest",
    )
    company.say("owners: {business: head_of_savings, legal: dpo}", "owners: {business: head_of_savings}")
    stages = company.night()
    assert stages["transform"]["crossings"] == []
    assert company.people(SCORE) is None
    assert len(company.facts("crossing")) == 1


def test_every_verdict_is_kept_with_its_policy_version(company: Company) -> None:
    """The log has one entry per use case, and another where the verdict or the policy changed, never the same twice (S31)."""
    first = company.facts("decision")
    assert {entry["use_case"] for entry in first} == set(company.context().policy.use_cases)
    company.night()
    assert company.facts("decision") == first
    company.say(SIGNED, UNSIGNED)
    company.night()
    latest = {entry["use_case"]: entry for entry in company.facts("decision")}["email_marketing"]
    assert (latest["status"], latest["legal_basis"]) == ("draft", "consent")
    assert latest["policy_version"] == company.context().policy.version != first[0]["policy_version"]


def test_the_strategy_says_whom_each_right_reaches(company: Company) -> None:
    """Reach is counted from our own customers, as a reference counts it, and is on the night's page (S07, S29, S60)."""
    context = company.context()
    mix = {row["use_case"]: row for row in context.kept("transform")["strategy"]}
    with context.warehouse.session(reads=["restricted"]) as session:
        customers = session.value("select count(*) from restricted.int_customers__deduplicated")
        able = (
            "from restricted.int_customers__deduplicated as c where subject_id not in"
            " (select subject_id from restricted.int_restrictions__current) and subject_id {} in (select subject_id from"
            " restricted.{} where purpose = '{}' {})"
        )
        objects = able.format("not", "int_objections__current", "loan_offers", "")
        agreed = able.format("", "int_consents__folded", "email_marketing", "and state = 'granted'")
        agreed += " and subject_id not in (select subject_id from restricted.int_objections__current where purpose = 'email_marketing')"
        not_objecting = session.value(f"select count(*) {objects}")
        consenting = session.value(f"select count(*) {agreed}")
    assert mix["monthly_report"]["people"] == mix["account_keeping"]["people"] == customers
    assert mix["loan_offers"]["people"] == not_objecting < customers
    assert mix["email_marketing"]["people"] == consenting < not_objecting
    assert mix["email_marketing"]["low"] < mix["email_marketing"]["share"] < mix["email_marketing"]["high"]
    page = (context.run_folder / "report.html").read_text()
    assert "By what right" in page
    assert "Use cases by legal basis" in page
    json.dumps(mix)
