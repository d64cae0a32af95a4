"""Grounds and statuses: what the door asks for, and which use cases run at all."""

from typing import Any

import pytest

from support.use_cases import policy_of, use_case
from trustmart.legal_basis import Ground, LegalBasis, State, grounds_of, statuses_of

SIGNED = {"owners": {"business": "head_of_lending", "legal": "dpo"}}
PLANS = {"capture_plan": "asked in the app", "activation_plan": "a letter a month"}


def grounds(made: Any) -> Any:
    """Return the grounds of a policy."""
    return grounds_of(made, statuses_of(made))


def test_a_legitimate_interest_asks_for_no_objection() -> None:
    """S21: the door lets in whoever has not objected, and needs no consent."""
    made = use_case(asked_as="letters", **SIGNED)
    assert grounds(policy_of(loan_offers=made)) == {
        "loan_offers": Ground(
            use_case="loan_offers",
            purpose="letters",
            legal_basis=LegalBasis.LEGITIMATE_INTEREST,
            valid_for_days=None,
            objections=("direct_marketing",),
            channel="post",
            minimum_age=18,
        )
    }


def test_consent_asks_for_a_yes_that_is_still_good() -> None:
    """S24: the door lets in who has said yes, for as long as a yes is good."""
    made = use_case(channels=["email"], product="own_dissimilar", asked_as="news", **SIGNED, **PLANS)
    ground = grounds(policy_of(newsletter=made))["newsletter"]
    assert (ground.needs_consent, ground.valid_for_days, ground.channel) == (True, 730, "email")
    assert ground.objections == ("direct_marketing",)


def test_a_contract_asks_for_nothing_that_a_person_could_end() -> None:
    """S20: under contract no opt-in is needed, and an objection to marketing does not end it."""
    made = use_case(
        data_use="essential.service",
        necessary_for_contract="no account without it",
        kind="store",
        channels=[],
        **SIGNED,
    )
    ground = grounds(policy_of(account=made))["account"]
    assert (ground.purpose, ground.needs_consent, ground.objections) == ("account", False, ())


def test_what_is_about_nobody_has_no_ground_and_may_run() -> None:
    """S08: an anonymous use case asks nothing of anybody."""
    made = use_case(kind="report", individuals=False, channels=[], data_use="analytics.reporting", **SIGNED)
    assert grounds(policy_of(report=made)) == {}
    assert statuses_of(policy_of(report=made))["report"].is_ready


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({"asked_as": "letters"}, State.DRAFT, "business and legal"),
        ({"asked_as": "letters", "owners": {"business": "somebody"}}, State.DRAFT, "by legal"),
        (
            {
                "asked_as": "letters",
                "owners": {"business": "somebody", "legal": {"by": "dpo", "on": "2026-11-01", "version": "old"}},
            },
            State.DRAFT,
            "by legal",
        ),
        (SIGNED, State.INCOMPLETE, "asked_as"),
        ({"asked_as": "news", "channels": ["push"], **SIGNED}, State.INCOMPLETE, "capture_plan"),
        (
            {"asked_as": "news", "channels": ["push"], "capture_plan": "in the app", **SIGNED},
            State.INCOMPLETE,
            "activation_plan",
        ),
        ({"asked_as": "letters", "channels": ["push"], **PLANS, **SIGNED}, State.INCOMPLETE, "valid_for_days"),
        (
            {"data_use": "essential.service", "product": "none", "necessary_for_contract": True, **SIGNED},
            State.INCOMPLETE,
            "necessary_for_contract as a sentence",
        ),
        ({"asked_as": "letters", "data_use": "personalize", **SIGNED}, State.INCOMPLETE, "an asked_as for personalize"),
        ({"categories": ["user.criminal_history"], **SIGNED}, State.REFUSED, "GDPR 10"),
        ({"existing_relationship": None, "obtained_in_sale": None, **SIGNED}, State.REFUSED, "existing_relationship"),
    ],
)
def test_what_is_not_ready_says_why_and_what_to_do(changes: dict[str, Any], state: State, said: str) -> None:
    """S03, S05, S10: drafts, incomplete and refused use cases have no ground, a reason, and a next step."""
    made = policy_of(offer=use_case(**changes))
    status = statuses_of(made)["offer"]
    assert (status.state, said in status.reason) == (state, True), status
    assert "trustmart" in status.next_step
    assert grounds(made) == {}


def test_a_signature_holds_for_its_version_only() -> None:
    """S05: a signature under a version counts until one of the four blocks changes."""
    version = use_case().version
    signature = {"by": "dpo", "on": "2026-11-01", "version": version}
    owners = {"business": "head", "legal": signature}
    assert statuses_of(policy_of(offer=use_case(asked_as="letters", owners=owners)))["offer"].is_ready
    changed = use_case(asked_as="letters", owners=owners, categories=["user.contact.address"])
    assert statuses_of(policy_of(offer=changed))["offer"].state is State.DRAFT
