"""What dbt's models read from policy is what policy says: nothing is written twice, nothing gets lost on the way."""

from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from trustmart.legal_basis import grounds_of, statuses_of
from trustmart.pipeline.dbt_project import policy_variables
from trustmart.policy import Policy, load_policy

PROJECT = Path(__file__).resolve().parents[2]
SHIPPED = load_policy(PROJECT / "policy", environment={})
BARE = SHIPPED.model_copy(update={"jurisdictions": {}, "purposes": {}, "use_cases": {}})


def _variables(policy: Policy) -> dict[str, Any]:
    """Return what the models are handed."""
    statuses = statuses_of(policy)
    return policy_variables(policy, grounds_of(policy, statuses), statuses)


def rows(policy: Policy, macro: str) -> list[tuple[Any, ...]]:
    """Return what a macro's SQL yields for a policy."""
    source = (PROJECT / "dbt_project" / "macros" / "policy.sql").read_text()
    template = jinja2.Environment().from_string(source, globals={"var": {"policy": _variables(policy)}.get})
    return sorted(duckdb.sql(str(getattr(template.module, macro)())).fetchall(), key=str)


@pytest.mark.parametrize("policy", [SHIPPED, BARE], ids=["shipped", "bare"])
def test_purposes_scopes_and_ages_reach_the_models_as_they_are(policy: Policy) -> None:
    """Every purpose, scope and age is in the SQL, and a policy that has none of them is SQL too (S03)."""
    assert set(rows(policy, "policy_purposes")) == {
        (name, purpose.valid_for_days) for name, purpose in policy.purposes.items()
    }
    assert rows(policy, "policy_use_cases") == sorted(
        (
            name,
            ground.purpose,
            ground.legal_basis.value,
            ground.needs_consent,
            ground.lets_people_decide,
            ground.channel or "",
            ground.minimum_age,
        )
        for name, ground in grounds_of(policy, statuses_of(policy)).items()
    )
    assert rows(policy, "policy_objection_scopes") == sorted(
        ((name, scope) for name, purpose in policy.purposes.items() for scope in purpose.objections), key=str
    )
    assert rows(policy, "policy_ages_of_digital_consent") == sorted(
        (country, jurisdiction.age_of_digital_consent) for country, jurisdiction in policy.jurisdictions.items()
    )
