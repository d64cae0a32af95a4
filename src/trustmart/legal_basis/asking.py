"""Can people be asked for consent, and must they say it explicitly? Hits say why not, and why; None is nothing."""

from trustmart.legal_basis import rules
from trustmart.legal_basis.facts import Facts
from trustmart.legal_basis.risks import (
    FOR_OTHERS,
    NOT_OURS,
    SHARED_BY_DUTY,
    Hit,
    first_hit,
    is_marketing,
    minors,
    significant_decision,
    special_category,
    use_is,
)
from trustmart.policy.use_cases import Kind, Relation

_ADVERTISING = ("marketing.advertising", "sales", "third_party_sharing")


def against_consent(facts: Facts) -> Hit | None:
    """Return why consent would not hold."""
    return first_hit(facts, _AGAINST_CONSENT) if facts.individuals else None


def _criminal_records(facts: Facts) -> Hit | None:
    category = facts.categories.criminal
    return ("source.categories", category, rules.CRIMINAL_RECORDS) if category else None


def _decision_about_children(facts: Facts) -> Hit | None:
    young = minors(facts)
    return (young[0], young[1], rules.NO_DECISIONS_ABOUT_CHILDREN) if young and significant_decision(facts) else None


def _children_marketed(facts: Facts) -> Hit | None:
    """Children are profiled for marketing, or their data sold, or used for others' ends."""
    young = minors(facts)
    if not young:
        return None
    for_others = facts.kind is Kind.SELL or use_is(facts.data_use, FOR_OTHERS)
    if for_others or (facts.profiling and is_marketing(facts)):
        return young[0], young[1], rules.CHILDREN_ARE_NOT_SOLD
    return None


def _citizens(facts: Facts) -> Hit | None:
    """A public body may ask who wants its newsletter; it may not ask citizens to be sold or advertised to."""
    if facts.world.controller.kind != "public_body":
        return None
    if facts.kind is Kind.SELL:
        return "processing.kind", facts.kind, rules.CITIZENS_ARE_NOT_FREE
    if use_is(facts.data_use, _ADVERTISING) and not use_is(facts.data_use, SHARED_BY_DUTY):
        return "purpose.data_use", facts.data_use, rules.CITIZENS_ARE_NOT_FREE
    return ("purpose.product", facts.product, rules.CITIZENS_ARE_NOT_FREE) if facts.product in NOT_OURS else None


def _staff(facts: Facts) -> Hit | None:
    use = facts.data_use
    return ("purpose.data_use", use, rules.STAFF_ARE_NOT_FREE) if use_is(use, ("employment",)) else None


_AGAINST_CONSENT = (_criminal_records, _decision_about_children, _children_marketed, _citizens, _staff)


def for_explicit(facts: Facts) -> Hit | None:
    """Return why a plain yes is not enough."""
    return first_hit(facts, _FOR_EXPLICIT if facts.individuals else (special_category,))


def _decision_by_consent(facts: Facts) -> Hit | None:
    hit = significant_decision(facts)
    if hit and hit[2] is not rules.SCORE_PASSED_ON:
        return hit[0], hit[1], rules.DECISION_BY_CONSENT
    return hit


def _passed_on(facts: Facts) -> Hit | None:
    for index, transfer in enumerate(facts.transfers):
        if transfer.relation is Relation.THIRD_PARTY:
            return f"transfers[{index}].relation", transfer.relation, rules.EACH_RECIPIENT
    if facts.kind is Kind.SELL or facts.kind is Kind.SHARE:
        return "processing.kind", facts.kind, rules.EACH_RECIPIENT
    return None


_FOR_EXPLICIT = (special_category, _decision_by_consent, _passed_on)
