"""Does a law oblige us, or does the contract need it? Each question says what stands against it; None is nothing."""

from trustmart.legal_basis import rules
from trustmart.legal_basis.facts import Facts
from trustmart.legal_basis.risks import (
    NOT_OURS,
    SHARED_BY_DUTY,
    Hit,
    first_hit,
    minors,
    significant_decision,
    special_category,
    use_is,
)
from trustmart.policy.use_cases import Kind, Relation

# EDPB Guidelines 2/2019: improving, measuring, fraud prevention and advertising are outside every contract.
_NEVER_BY_CONTRACT = (
    "marketing",
    "sales",
    "third_party_sharing",
    "train_ai_system",
    "personalize",
    "analytics",
    "essential.fraud_detection",
    "essential.service.operations.improve",
    "functional.service.improve",
)
_NEVER_BY_DUTY = ("marketing", "sales", "personalize", "train_ai_system", "third_party_sharing")


def against_duty(facts: Facts) -> Hit | None:
    """Return why it is no legal obligation."""
    purpose = facts.use_case.purpose
    if not facts.duty:
        return "purpose.statutory_duty", purpose.statutory_duty, rules.NO_DUTY
    if facts.kind is Kind.SELL:
        return "processing.kind", facts.kind, rules.DUTY_IS_NO_CLOAK
    if use_is(facts.data_use, _NEVER_BY_DUTY) and not use_is(facts.data_use, SHARED_BY_DUTY):
        return "purpose.data_use", facts.data_use, rules.DUTY_IS_NO_CLOAK
    if facts.product in NOT_OURS:
        return "purpose.product", facts.product, rules.DUTY_IS_NO_CLOAK
    return None


def against_contract(facts: Facts) -> Hit | None:
    """Return why it does not stand on the contract."""
    return first_hit(facts, _AGAINST_CONTRACT)


def _not_necessary(facts: Facts) -> Hit | None:
    necessary = facts.necessary
    return None if necessary else ("purpose.necessary_for_contract", necessary, rules.CONTRACT_DOES_NOT_NEED_IT)


def _use_never_by_contract(facts: Facts) -> Hit | None:
    barred = use_is(facts.data_use, _NEVER_BY_CONTRACT)
    return ("purpose.data_use", facts.data_use, rules.NEVER_BY_CONTRACT) if barred else None


def _not_our_product(facts: Facts) -> Hit | None:
    return ("purpose.product", facts.product, rules.NOT_OUR_CONTRACT) if facts.product in NOT_OURS else None


def _passed_on_beyond_contract(facts: Facts) -> Hit | None:
    """Somebody beside us and our processors gets data, though the contract could do without them."""
    if facts.kind is Kind.SELL:
        return "processing.kind", facts.kind, rules.NEVER_BY_CONTRACT
    others = False
    for index, transfer in enumerate(facts.transfers):
        if transfer.relation is not Relation.PROCESSOR:
            others = True
            if not transfer.necessary_for_contract:
                return f"transfers[{index}].relation", transfer.relation, rules.CONTRACT_NEEDS_NO_RECIPIENT
    if facts.kind is Kind.SHARE and not others:
        return "processing.kind", facts.kind, rules.CONTRACT_NEEDS_NO_RECIPIENT
    return None


def _special_by_contract(facts: Facts) -> Hit | None:
    hit = special_category(facts)
    return hit and (hit[0], hit[1], rules.CONTRACT_COVERS_NO_SPECIAL)


def _decision_beyond_contract(facts: Facts) -> Hit | None:
    """A significant decision may stand on a contract (22(2)(a)), but not about children, nor as a score passed on."""
    hit = significant_decision(facts)
    if hit and hit[2] is rules.SCORE_PASSED_ON:
        return hit
    if hit and (young := minors(facts)):
        return young[0], young[1], rules.NO_DECISIONS_ABOUT_CHILDREN
    return None


_AGAINST_CONTRACT = (
    _not_necessary,
    _use_never_by_contract,
    _not_our_product,
    _passed_on_beyond_contract,
    _special_by_contract,
    _decision_beyond_contract,
)
