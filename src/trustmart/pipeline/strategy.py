"""The strategy mix: which use cases stand on which right, whom they reach, and what that is worth (S02, S07, S60)."""

from typing import Any

from trustmart.legal_basis import BRANCH_OF, purpose_counted, reach
from trustmart.pipeline.context import Context
from trustmart.pipeline.reach import Population, measure_population
from trustmart.policy import Kind


def strategy_mix(context: Context) -> list[dict[str, Any]]:
    """Return one row per use case of the policy; reach and value are None where nobody is reached by right."""
    population = measure_population(context)
    policy = context.policy
    purposes = {name: purpose_counted(use_case, policy.purposes) for name, use_case in policy.use_cases.items()}
    reached = reach(population.tally, purposes) if population else {}
    return [_row(context, name, population, reached.get(name, {})) for name in policy.use_cases]


def _row(context: Context, name: str, population: Population | None, reached: Any) -> dict[str, Any]:
    """Describe one use case. Where people are contacted, reaching one is worth what a contact has been worth."""
    status, use_case = context.statuses[name], context.policy.use_cases[name]
    share = reached.get(BRANCH_OF.get(status.verdict.legal_basis))
    value = population.value_per_contact if population and use_case.processing.kind is Kind.CONTACT else None
    return {
        "use_case": name,
        "legal_basis": status.verdict.legal_basis.value,
        "decided_by": status.verdict.decided_by,
        "status": status.state.value,
        "owner": use_case.owners.name("business"),
        "people": share.people if share else None,
        "share": round(share.share, 4) if share else None,
        "low": round(share.low, 4) if share else None,
        "high": round(share.high, 4) if share else None,
        "value_eur": round(share.value(value)) if share and value is not None else None,
    }
