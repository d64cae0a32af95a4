"""Which attacks a mart has to stand is decided from policy: what the shipped policy's tables mean must be understood."""

from pathlib import Path

from support.bank import PROJECT
from trustmart.gates.suites import requirements
from trustmart.policy import Policy, load_policy
from trustmart.policy.releases import Release

FINER, COARSER = "dim_customer_segments", "dim_customers_by_work"


def with_a_margin_of_its_own(folder: Path) -> Policy:
    """Return the shipped policy with a mart that is a margin of another."""
    policy = load_policy(folder)
    finer = policy.releases[FINER]
    columns = {name: finer.quasi_identifiers[name] for name in ("region", "job_group")}
    coarser: Release = finer.model_copy(update={"quasi_identifiers": columns, "measures": {}})
    return policy.model_copy(update={"releases": {**policy.releases, COARSER: coarser}})


def test_a_mart_that_is_a_margin_of_another_is_subtracted_from_it() -> None:
    """S12 (G5): the CRM keeps a customer's versions, and yet a customer is in one cell: the two are subtracted."""
    policy = with_a_margin_of_its_own(PROJECT / "policy")
    # Of both: were the finer one alone held, its standing release would be subtracted from the coarser one let out.
    for mart in (FINER, COARSER):
        subtracted = [one.arguments for one in requirements(policy, mart) if one.check == "margins_of_each_other"]
        assert [(asked["mart"], list(asked["coarser"])) for asked in subtracted] == [(FINER, [COARSER])], mart


def test_marts_of_bookings_are_not_subtracted() -> None:
    """S12 (G5): who has several bookings is in several cells, so people do not add up, and nothing comes back."""
    policy = with_a_margin_of_its_own(PROJECT / "policy")
    for mart in ("fct_transactions_by_segment", "fct_campaign_outcomes_by_segment"):
        assert all(one.check != "margins_of_each_other" for one in requirements(policy, mart)), mart
