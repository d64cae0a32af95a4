"""Is it a legitimate interest, with opt-out? Each question says what stands against it; None is nothing."""

from trustmart.legal_basis import rules
from trustmart.legal_basis.facts import Facts
from trustmart.legal_basis.marketing import electronic_marketing
from trustmart.legal_basis.risks import (
    FOR_OTHERS,
    Hit,
    children,
    communications,
    first_hit,
    other_recipient,
    significant_decision,
    special_category,
    use_is,
)
from trustmart.policy.use_cases import Kind, Origin, Product

# GDPR Recitals 47 and 49: preventing fraud and keeping systems safe are interests whoever it is about.
_PROTECTING = ("essential.fraud_detection", "essential.service.security")


def against_interest(facts: Facts) -> Hit | None:
    """Return why it is no legitimate interest."""
    return first_hit(facts, _PROTECTING_ONLY if use_is(facts.data_use, _PROTECTING) else _AGAINST_INTEREST)


def _public_body(facts: Facts) -> Hit | None:
    kind = facts.world.controller.kind
    return ("controller.kind", kind, rules.PUBLIC_BODY) if kind == "public_body" else None


def _sold_or_shared(facts: Facts) -> Hit | None:
    passed_on = facts.kind is Kind.SELL or facts.kind is Kind.SHARE
    return ("processing.kind", facts.kind, rules.NOT_EXPECTED_OF_SHARING) if passed_on else None


def _sold(facts: Facts) -> Hit | None:
    return ("processing.kind", facts.kind, rules.NOT_EXPECTED_OF_SHARING) if facts.kind is Kind.SELL else None


def _for_others(facts: Facts) -> Hit | None:
    use = facts.data_use
    return ("purpose.data_use", use, rules.NOT_EXPECTED_OF_THIS_USE) if use_is(use, FOR_OTHERS) else None


def _special_by_interest(facts: Facts) -> Hit | None:
    hit = special_category(facts)
    return hit and (hit[0], hit[1], rules.INTEREST_COVERS_NO_SPECIAL)


def _strangers(facts: Facts) -> Hit | None:
    known = facts.existing_relationship
    return None if known else ("source.existing_relationship", known, rules.NOT_EXPECTED_FROM_STRANGERS)


def _bought_data(facts: Facts) -> Hit | None:
    bought = facts.origin is Origin.THIRD_PARTY
    return ("source.origin", facts.origin, rules.NOT_EXPECTED_OF_BOUGHT_DATA) if bought else None


def _unlike_product(facts: Facts) -> Hit | None:
    near = facts.product in (Product.OWN_SIMILAR, Product.NONE)
    return None if near else ("purpose.product", facts.product, rules.NOT_EXPECTED_OF_THIS_PRODUCT)


_AGAINST_INTEREST = (
    _public_body,
    _sold_or_shared,
    _for_others,
    other_recipient,
    _special_by_interest,
    significant_decision,
    communications,
    children,
    _unlike_product,
    _strangers,
    _bought_data,
    electronic_marketing,
)
_PROTECTING_ONLY = (
    _public_body,
    _sold,
    _special_by_interest,
    significant_decision,
    communications,
    electronic_marketing,
)
