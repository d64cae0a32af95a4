"""What several questions ask about a use case. A hit is a field, its value and the rule; None is nothing."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from trustmart.legal_basis import rules
from trustmart.legal_basis.facts import MAJORITY, Facts, NotKnown, is_under
from trustmart.legal_basis.rules import Rule
from trustmart.policy.use_cases import Kind, Product, Relation

Hit = tuple[str, Any, Rule]
Question = Callable[[Facts], Hit | None]

# Kinds that judge a person, or that hand somebody else what judges them.
_JUDGING = frozenset({Kind.AUTOMATED_DECISION, Kind.SCORE, Kind.SEGMENT, Kind.SHARE, Kind.SELL})
_PASSING_ON = frozenset({Kind.SCORE, Kind.SHARE, Kind.SELL})

NOT_OURS = frozenset({Product.GROUP_COMPANY, Product.THIRD_PARTY})
FOR_OTHERS = ("marketing.advertising.third_party", "third_party_sharing", "sales")
SHARED_BY_DUTY = ("third_party_sharing.legal_obligation",)


def first_hit(facts: Facts, questions: tuple[Question, ...]) -> Hit | None:
    """Return the first hit; what is not known matters only where nothing that is known hits."""
    open_question: NotKnown | None = None
    for question in questions:
        try:
            if hit := question(facts):
                return hit
        except NotKnown as unknown:
            open_question = open_question or unknown
    if open_question is not None:
        raise open_question
    return None


@lru_cache(maxsize=4096)
def use_is(data_use: str, roots: tuple[str, ...]) -> bool:
    """True where a data use is one of these, or a narrower one."""
    return is_under(data_use, roots)


def is_marketing(facts: Facts) -> bool:
    """True for marketing by name, and for every contact about a product: it is an offer, whatever it is called."""
    if use_is(facts.data_use, ("marketing", "personalize", "sales")):
        return True
    return facts.kind is Kind.CONTACT and facts.product is not Product.NONE


def other_recipient(facts: Facts) -> Hit | None:
    """Return the first recipient that is no processor: somebody who pursues ends of their own."""
    for index, transfer in enumerate(facts.transfers):
        if transfer.relation is not Relation.PROCESSOR:
            return f"transfers[{index}].relation", transfer.relation, rules.NOT_EXPECTED_OF_RECIPIENT
    return None


def score_passed_on(facts: Facts) -> Hit | None:
    """Return the recipient of a credit score: whoever draws strongly on it makes the score the decision."""
    if facts.kind not in _PASSING_ON or not facts.categories.credit_score:
        return None
    recipient = other_recipient(facts)
    return recipient and (recipient[0], recipient[1], rules.SCORE_PASSED_ON)


def significant_decision(facts: Facts) -> Hit | None:
    """Return what makes it a significant automated decision (GDPR Art. 22)."""
    if hit := score_passed_on(facts):
        return hit
    if facts.kind not in _JUDGING and (facts.known("significant_effect") is False or not facts.profiling):
        return None
    if not facts.significant_effect:
        return None
    return "processing.significant_effect", True, rules.SIGNIFICANT_DECISION


def children(facts: Facts) -> Hit | None:
    """Return what says that some are too young to consent in some country of theirs (GDPR Art. 8)."""
    if facts.categories.children:
        return "source.categories", facts.categories.children, rules.CHILDREN_WEIGH_MORE
    youngest = facts.use_case.source.youngest
    if youngest is None or youngest >= _age_of_consent(facts):
        return None
    return "source.youngest", youngest, rules.CHILDREN_WEIGH_MORE


def minors(facts: Facts) -> Hit | None:
    """Return what says that some are children, by whichever age is higher: majority or that of consent."""
    youngest = facts.use_case.source.youngest
    if youngest is not None and youngest < MAJORITY:
        return "source.youngest", youngest, rules.CHILDREN_WEIGH_MORE
    return children(facts)


def _age_of_consent(facts: Facts) -> int:
    """Return the highest age of digital consent among the countries people live in; of all, where that is open."""
    world, countries = facts.world, facts.use_case.source.countries
    ages, default = world.ages_of_digital_consent, world.default_age_of_digital_consent
    if not countries:
        return max((default, *ages.values()))
    return max(ages.get(country, default) for country in countries)


def protected_communications(facts: Facts) -> Hit | None:
    """Return content of communications, or what is read from a device: protected, personal or not (S34)."""
    categories = facts.categories
    if categories.cookie:
        return "source.categories", categories.cookie, rules.TERMINAL_EQUIPMENT
    if not (categories.content or categories.terminal) or not facts.communications:
        return None
    rule = rules.COMMUNICATIONS_CONTENT if categories.content else rules.TERMINAL_EQUIPMENT
    return "source.electronic_communications", True, rule


def communications(facts: Facts) -> Hit | None:
    """Return any data of electronic communications."""
    if hit := protected_communications(facts):
        return hit
    if facts.communications:
        return "source.electronic_communications", True, rules.COMMUNICATIONS_NEED_CONSENT
    return None


def special_category(facts: Facts) -> Hit | None:
    """Return the first special category, criminal records among them (GDPR Art. 9, 10)."""
    category = facts.categories.special or facts.categories.criminal
    return ("source.categories", category, rules.SPECIAL_CATEGORIES) if category else None
