"""Golden cases: a bank, a telephone company, a shop and a town; and one use case varied block by block."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.use_cases import COMPANY, TOWN_HALL, WORLD, use_case
from trustmart.legal_basis import Verdict, World, decide
from trustmart.policy.use_case_file import read_use_cases

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "docs" / "examples" / "use_cases"

# File, use case: the legal basis, the block that tipped it, and some of the conditions.
GOLDEN: dict[str, dict[str, tuple[str, str, set[str]]]] = {
    "bank.yml": {
        "transactions_and_address": ("contract", "purpose", set()),
        "payment_abroad": ("contract", "purpose", {"recipient_named", "transfer_needed_each_time"}),
        "loan_decision": ("contract", "purpose", {"human_review", "contest_route", "logic_explained"}),
        "money_laundering_checks": ("legal_obligation", "purpose", {"law_allows_the_decision"}),
        "fraud_detection": ("legitimate_interest", "purpose", {"objection_route"}),
        "better_loan_rate": ("legitimate_interest", "purpose", {"objection_route"}),
        "savings_product_in_branch": ("legitimate_interest", "purpose", {"objection_route", "balancing_test"}),
        "savings_promotion": (
            "legitimate_interest",
            "source",
            {"opt_out_at_collection", "opt_out_in_every_message", "not_refused", "sender_named"},
        ),
        "savings_promotion_without_a_sale": ("consent", "source", {"consent_notice", "capture_plan"}),
        "insurance_cross_sell": ("consent", "purpose", {"consent_notice", "withdrawal_route"}),
        "hedge_fund_cross_sell": ("consent", "transfers", {"recipient_named"}),
        "selling_customer_data": ("explicit_consent", "transfers", {"explicit_statement", "recipient_named"}),
        "credit_score_sharing": (
            "explicit_consent",
            "transfers",
            {"explicit_statement", "human_review", "contest_route", "logic_explained", "recipient_named"},
        ),
        "monthly_report": ("anonymous", "processing", {"nobody_stands_out"}),
        "customer_segmentation": ("anonymous", "processing", {"nobody_stands_out"}),
        "next_best_action_training": ("anonymous", "processing", {"nobody_stands_out"}),
        "next_best_action_scoring": ("legitimate_interest", "purpose", {"objection_route"}),
        "campaign_tool_far_away": ("refused", "transfers", set()),
    },
    "telco.yml": {
        "billing": ("contract", "purpose", {"strictly_necessary"}),
        "data_retention_order": ("legal_obligation", "purpose", {"law_covers_communications"}),
        "network_load_report": ("anonymous", "processing", {"made_anonymous_at_once"}),
        "topics_in_messages": ("consent", "source", {"consent_notice"}),
        "offers_by_call_pattern": ("consent", "source", {"consent_notice"}),
        "better_tariff_by_sms": ("legitimate_interest", "source", {"opt_out_in_every_message"}),
        "telemarketing": ("consent", "processing", {"consent_notice"}),
        "roaming_profiles": ("refused", "source", set()),
    },
    "shop.yml": {
        "delivery": ("contract", "purpose", {"recipient_named"}),
        "order_confirmation": ("contract", "purpose", {"processor_contract", "adequacy_covers_recipient"}),
        "bookkeeping": ("legal_obligation", "purpose", {"only_what_the_law_asks"}),
        "basket": ("contract", "purpose", {"strictly_necessary"}),
        "web_statistics": ("consent", "source", {"consent_notice"}),
        "spare_parts_by_email": ("legitimate_interest", "source", {"opt_out_in_every_message"}),
        "newsletter": ("consent", "purpose", {"consent_notice", "age_gate"}),
        "lens_reminder": ("explicit_consent", "source", {"explicit_statement"}),
        "toy_club": ("consent", "source", {"parental_authorisation"}),
        "toy_recommendations": ("refused", "source", set()),
    },
    "public_body.yml": {
        "school_places": ("legal_obligation", "purpose", {"source_told"}),
        "care_at_home": ("legal_obligation", "purpose", {"law_covers_special_categories"}),
        "traffic_counts": ("anonymous", "processing", {"nobody_stands_out"}),
        "newsletter": ("consent", "purpose", {"consent_notice"}),
        "pool_survey": ("consent", "purpose", {"consent_notice"}),
        "selling_the_register": ("refused", "processing", set()),
        "benefit_fraud_score": ("refused", "source", set()),
    },
}
CASES = [(file, name) for file, expected in GOLDEN.items() for name in expected]


@cache
def the_world() -> World:
    """Return the shipped tables of countries."""
    tables = yaml.safe_load((PROJECT / "policy" / "jurisdictions.yml").read_text())
    ages = {country: entry["age_of_digital_consent"] for country, entry in tables["jurisdictions"].items()}
    return World(
        controller=COMPANY,
        eea=frozenset(tables["eea"]),
        adequate=frozenset(tables["adequacy"]),
        live_calls_without_consent=frozenset(tables["live_calls_without_consent"]),
        ages_of_digital_consent=ages,
        default_age_of_digital_consent=tables["default_age_of_digital_consent"],
    )


@cache
def verdicts(file: str) -> dict[str, Verdict]:
    """Decide every use case of an example."""
    read = read_use_cases(EXAMPLES / file)
    assert read.controller is not None
    world = replace(the_world(), controller=read.controller)
    return {name: decide(name, use_case, world) for name, use_case in read.use_cases.items()}


@pytest.mark.parametrize(("file", "name"), CASES)
def test_the_examples_are_decided_as_lawyers_would(file: str, name: str) -> None:
    """S25-S28, S51: the bank, the telephone company, the shop and the town, use case by use case."""
    verdict = verdicts(file)[name]
    basis, block, conditions = GOLDEN[file][name]
    assert (verdict.legal_basis, verdict.decided_by) == (basis, block)
    assert conditions <= set(verdict.conditions)


@pytest.mark.parametrize("file", GOLDEN)
def test_every_example_is_golden(file: str) -> None:
    """S25: no example ships without an expected verdict."""
    assert set(verdicts(file)) == set(GOLDEN[file])


def test_what_would_decide_is_named() -> None:
    """S03: the telephone company has not said whether its profiles rest on communications data."""
    assert verdicts("telco.yml")["roaming_profiles"].undecided == ("source.electronic_communications",)


THIRD_PARTY = {"recipient": "partner", "relation": "third_party", "country": "SE", "mechanism": "none"}
FAR_AWAY = {"recipient": "tool", "relation": "processor", "country": "CN", "mechanism": "none"}
SCORED = {"kind": "score", "channels": [], "categories": ["user.financial.credit_score"]}


@pytest.mark.parametrize(
    ("changes", "basis", "block"),
    [
        ({}, "legitimate_interest", "purpose"),
        # one block at a time
        ({"product": "own_dissimilar"}, "consent", "purpose"),
        ({"product": "third_party"}, "consent", "purpose"),
        ({"statutory_duty": "Some Act § 1"}, "legitimate_interest", "purpose"),  # no law obliges us to advertise
        ({"data_use": "essential.service", "necessary_for_contract": "no loan without it"}, "contract", "purpose"),
        ({"data_use": "marketing.advertising.third_party.targeted"}, "consent", "purpose"),
        ({"channels": ["push"]}, "consent", "processing"),
        ({"channels": ["post", "in_app"]}, "consent", "processing"),
        ({"profiling": True, "significant_effect": True}, "explicit_consent", "processing"),
        ({"kind": "segment", "channels": [], "individuals": False}, "anonymous", "processing"),
        ({"categories": ["user.health_and_medical"]}, "explicit_consent", "source"),
        ({"categories": ["user"]}, "explicit_consent", "source"),
        ({"categories": ["user.criminal_history"]}, "refused", "source"),
        ({"electronic_communications": True}, "consent", "source"),
        ({"origin": "third_party", "obtained_in_sale": False}, "consent", "source"),
        ({"existing_relationship": False, "obtained_in_sale": False}, "consent", "source"),
        ({"youngest": 12, "countries": ["NO"]}, "consent", "source"),
        ({"youngest": 15, "countries": ["NO"]}, "legitimate_interest", "purpose"),
        ({"youngest": 15, "countries": ["NO", "DE"]}, "consent", "source"),
        ({"youngest": 15}, "consent", "source"),
        ({"youngest": 15, "profiling": True}, "refused", "source"),
        ({"transfers": (THIRD_PARTY,)}, "explicit_consent", "transfers"),
        ({"transfers": ({**THIRD_PARTY, "relation": "group"},)}, "consent", "transfers"),
        ({"transfers": (FAR_AWAY,)}, "refused", "transfers"),
        ({"transfers": ({**FAR_AWAY, "mechanism": "adequacy"},)}, "refused", "transfers"),
        ({"transfers": ({**FAR_AWAY, "mechanism": "adequacy", "country": "CH"},)}, "legitimate_interest", "purpose"),
        ({"transfers": ({**FAR_AWAY, "mechanism": "scc"},)}, "legitimate_interest", "purpose"),
        ({"transfers": ({**FAR_AWAY, "mechanism": "bcr"},)}, "legitimate_interest", "purpose"),
        ({"transfers": ({**THIRD_PARTY, "mechanism": "bcr", "country": "CN"},)}, "refused", "transfers"),
        # calls: where every country allows them
        ({"channels": ["phone"]}, "consent", "processing"),
        ({"channels": ["phone"], "countries": ["NO", "SE"]}, "legitimate_interest", "purpose"),
        ({"channels": ["phone"], "countries": ["NO", "DE"]}, "consent", "processing"),
        # the soft opt-in, complete and not
        ({"channels": ["email"]}, "legitimate_interest", "source"),
        ({"channels": ["email"], "obtained_in_sale": False}, "consent", "source"),
        ({"channels": ["email"], "product": "none"}, "consent", "purpose"),
        ({"channels": ["email"], "origin": "observed"}, "consent", "source"),
        ({"channels": ["email", "push"]}, "consent", "processing"),
        # an offer is marketing, whatever it is called
        ({"channels": ["push"], "data_use": "essential.service.notifications"}, "consent", "processing"),
        (
            {"channels": ["push"], "data_use": "essential.service.notifications", "product": "none"},
            "legitimate_interest",
            "purpose",
        ),
        # a score that somebody draws strongly on
        (SCORED, "legitimate_interest", "purpose"),
        ({**SCORED, "transfers": (THIRD_PARTY,)}, "explicit_consent", "transfers"),
        ({**SCORED, "transfers": (THIRD_PARTY,), "youngest": 16}, "refused", "source"),
        # a contract that the service does not need
        ({"necessary_for_contract": "we say so"}, "legitimate_interest", "purpose"),
        ({"necessary_for_contract": "  ", "data_use": "essential.service"}, "legitimate_interest", "purpose"),
        ({"data_use": "employment", "categories": ["user.health_and_medical"]}, "refused", "purpose"),
    ],
)
def test_each_block_can_change_the_verdict(changes: dict[str, Any], basis: str, block: str) -> None:
    """S32, S33: purpose, processing, source and transfers, one at a time, each tip the same use case."""
    verdict = decide("offer", use_case(**changes), WORLD)
    assert (verdict.legal_basis, verdict.decided_by) == (basis, block), verdict.trail[-1]


@pytest.mark.parametrize(
    ("changes", "basis"),
    [
        ({"data_use": "marketing.communications.email", "product": "none"}, "consent"),
        ({}, "refused"),
        ({"data_use": "essential.service", "product": "none"}, "consent"),
        (
            {"data_use": "essential.service", "product": "none", "necessary_for_contract": "no ticket without"},
            "contract",
        ),
    ],
)
def test_a_public_body_has_no_legitimate_interest(changes: dict[str, Any], basis: str) -> None:
    """S05: the same use case of a town stands on law, contract or consent, or is refused."""
    assert decide("letter", use_case(**changes), TOWN_HALL).legal_basis == basis


def test_a_necessity_that_is_only_claimed_is_asked_for() -> None:
    """S22: `true` is accepted, and the sentence is still owed."""
    claimed = use_case(data_use="essential.service", necessary_for_contract=True)
    stated = use_case(data_use="essential.service", necessary_for_contract="no account without it")
    assert "necessity_stated" in decide("account", claimed, WORLD).conditions
    assert "necessity_stated" not in decide("account", stated, WORLD).conditions


def test_consent_is_not_the_price_of_a_service() -> None:
    """S22: what is claimed to be necessary, and is not, must not be a condition of the service."""
    bundled = use_case(necessary_for_contract="we say so", product="own_dissimilar")
    assert "service_without_consent" in decide("offer", bundled, WORLD).conditions


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"data_use": "Marketing"}, "purpose.data_use"), ({"categories": ["user.health"]}, "source.categories")],
)
def test_a_word_nobody_knows_is_refused(changes: dict[str, Any], field: str) -> None:
    """S03: a category or use that is not in the vocabulary could be anything, so it fails closed."""
    verdict = decide("offer", use_case(**changes), WORLD)
    assert (verdict.legal_basis, verdict.undecided) == ("refused", (field,))


def test_a_field_that_another_settles_does_not_decide() -> None:
    """S33: who is no customer has bought nothing, so the sale decides here and the relationship does not."""
    unknown = {"product": None, "obtained_in_sale": None, "existing_relationship": None}
    verdict = decide("offer", use_case(channels=["email"], **unknown), WORLD)
    assert set(verdict.undecided) == {"purpose.product", "source.obtained_in_sale"}
