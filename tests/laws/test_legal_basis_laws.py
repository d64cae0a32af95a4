"""Laws of the legal-basis engine, whatever the use case is."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from support.use_cases import AGGREGATES, UNKNOWN_FIELDS, USE_CASES_WITH_GAPS, WORLDS, built, raw, use_cases
from trustmart.legal_basis import LegalBasis, Verdict, World, rules
from trustmart.legal_basis.alternatives import alternatives, edits
from trustmart.legal_basis.conditions import CONDITIONS
from trustmart.legal_basis.decision import (
    ANONYMOUS,
    BLOCKS,
    COMMUNICATIONS,
    CONSENT,
    CONTRACT,
    INTEREST,
    OBLIGATION,
    QUESTIONS,
    UNKNOWN,
    decide,
)
from trustmart.policy.use_cases import UseCase

RULES = {rule.text: rule.article for rule in vars(rules).values() if isinstance(rule, rules.Rule)}


def answers(verdict: Verdict) -> dict[str, str]:
    """Return the answer to each question that was asked."""
    return {step.question: step.answer for step in verdict.trail}


@given(use_cases(unknown=True), WORLDS)
def test_every_use_case_is_decided(use_case: UseCase, world: World) -> None:
    """S03: whatever is asked, there is an answer, with a trail, a block that tipped it, and known conditions."""
    verdict = decide("any", use_case, world)
    assert verdict.trail
    assert verdict.decided_by in BLOCKS
    assert set(verdict.conditions) <= set(CONDITIONS)
    assert (verdict.legal_basis is LegalBasis.REFUSED) == (not verdict.conditions)
    assert not verdict.undecided or verdict.legal_basis is LegalBasis.REFUSED


@given(use_cases(unknown=True), WORLDS)
def test_every_answer_names_its_rule_and_article(use_case: UseCase, world: World) -> None:
    """S06: each step of the trail says which field decided it, and by which rule and article."""
    for step in decide("any", use_case, world).trail:
        assert step.because.field
        assert RULES[step.because.rule] == step.because.article


@pytest.mark.parametrize("name", CONDITIONS)
def test_every_condition_is_explained(name: str) -> None:
    """S06: a condition is a sentence with an article, not just a word."""
    assert len(CONDITIONS[name].text) > 20
    assert CONDITIONS[name].article.startswith(("GDPR", "ePrivacy"))


@given(use_cases(unknown=True), WORLDS)
def test_the_same_use_case_has_the_same_verdict(use_case: UseCase, world: World) -> None:
    """S06: a decision depends on nothing but what it is given."""
    assert decide("any", use_case, world) == decide("any", built(raw(use_case)), world)


@given(use_cases(), WORLDS)
def test_the_questions_are_asked_in_their_order(use_case: UseCase, world: World) -> None:
    """S08, S09: anonymous first, then law and contract, then legitimate interest, then consent."""
    verdict = decide("any", use_case, world)
    asked = [step.question for step in verdict.trail]
    assert asked == sorted(asked, key=QUESTIONS.index)
    assert asked[0] == ANONYMOUS
    said = answers(verdict)
    if verdict.legal_basis is LegalBasis.LEGITIMATE_INTEREST:
        assert (said[ANONYMOUS], said[OBLIGATION], said[CONTRACT], said[INTEREST]) == ("no", "no", "no", "yes")
    if verdict.legal_basis.needs_consent:
        assert (said[OBLIGATION], said[CONTRACT], said[INTEREST], said[CONSENT]) == ("no", "no", "no", "yes")


@given(AGGREGATES, WORLDS)
def test_what_is_about_nobody_stays_anonymous_but_for_eprivacy(use_case: UseCase, world: World) -> None:
    """S08, S34: an aggregate needs consent only where ePrivacy protects the data themselves."""
    verdict = decide("any", use_case, world)
    if verdict.legal_basis is not LegalBasis.ANONYMOUS:
        assert verdict.legal_basis.needs_consent
        assert answers(verdict)[COMMUNICATIONS] == "yes"


Change = Callable[[dict[str, Any]], None]


def _set(block: str, field: str, value: Any) -> Change:
    def change(content: dict[str, Any]) -> None:
        content[block][field] = value

    return change


def _add(block: str, field: str, value: str) -> Change:
    def change(content: dict[str, Any]) -> None:
        content[block][field] = list(dict.fromkeys([*content[block][field], value]))

    return change


def _transfer(relation: str, country: str = "NO", mechanism: str = "none") -> Change:
    def change(content: dict[str, Any]) -> None:
        added = {"recipient": "another", "relation": relation, "country": country, "mechanism": mechanism}
        content["transfers"] = [*content["transfers"], added]

    return change


def _less_similar(content: dict[str, Any]) -> None:
    ladder = ["none", "own_similar", "own_dissimilar", "group_company", "third_party"]
    content["purpose"]["product"] = ladder[min(ladder.index(content["purpose"]["product"]) + 1, len(ladder) - 1)]


def _younger(content: dict[str, Any]) -> None:
    youngest = content["source"]["youngest"]
    content["source"]["youngest"] = 8 if youngest is None else max(youngest - 5, 0)


RISKS: dict[str, Change] = {
    "people are singled out": _set("processing", "individuals", True),
    "people are profiled": _set("processing", "profiling", True),
    "people are affected": _set("processing", "significant_effect", True),
    "a special category": _add("source", "categories", "user.health_and_medical"),
    "criminal records": _add("source", "categories", "user.criminal_history"),
    "a credit score": _add("source", "categories", "user.financial.credit_score"),
    "children's data": _add("source", "categories", "user.childrens"),
    "cookies": _add("source", "categories", "user.device.cookie_id"),
    "content": _add("source", "categories", "user.content.private"),
    "anything": _add("source", "categories", "user"),
    "younger people": _younger,
    "a stricter country": _add("source", "countries", "DE"),
    "a country nobody knows": _add("source", "countries", "BR"),
    "communications data": _set("source", "electronic_communications", True),
    "data bought in": _set("source", "origin", "third_party"),
    "strangers": _set("source", "existing_relationship", False),
    "no sale": _set("source", "obtained_in_sale", False),
    "e-mail": _add("processing", "channels", "email"),
    "push": _add("processing", "channels", "push"),
    "a cookie": _add("processing", "channels", "cookie"),
    "calls": _add("processing", "channels", "phone"),
    "a processor": _transfer("processor"),
    "a group company": _transfer("group"),
    "a third party": _transfer("third_party"),
    "a processor far away": _transfer("processor", "CN"),
    "a third party far away with clauses": _transfer("third_party", "CN", "scc"),
    "a claimed adequacy": _transfer("processor", "CN", "adequacy"),
    "a less similar product": _less_similar,
    "no necessity": _set("purpose", "necessary_for_contract", False),
    "no duty": _set("purpose", "statutory_duty", None),
}


@pytest.mark.parametrize("risk", [risk for risk in RISKS if risk != "a less similar product"])
@settings(max_examples=150)
@given(use_case=use_cases(), world=WORLDS)
def test_more_risk_never_asks_for_less(risk: str, use_case: UseCase, world: World) -> None:
    """S32: adding a risk factor never lowers what is asked of us."""
    _never_lower(risk, use_case, world)


@settings(max_examples=150)
@given(use_case=use_cases(), world=WORLDS)
def test_a_less_similar_product_never_asks_for_less(use_case: UseCase, world: World) -> None:
    """S27, S36: own similar, own other, of the group, of somebody else: each asks for at least as much as the one before.

    No product at all is left out: marketing mail without one has no soft opt-in, with a similar one it may have.
    """
    assume(use_case.purpose.product != "none")
    _never_lower("a less similar product", use_case, world)


def _never_lower(risk: str, use_case: UseCase, world: World) -> None:
    content = raw(use_case)
    RISKS[risk](content)
    riskier = built(content)
    assume(riskier is not None)
    before, after = decide("any", use_case, world), decide("any", riskier, world)
    assert after.legal_basis.rung >= before.legal_basis.rung


def completions(use_case: UseCase) -> list[UseCase]:
    """Return every way that a use case's unknown fields can be filled in without contradicting it."""
    content = raw(use_case)
    places: list[tuple[Any, ...]] = []
    for (block, field), values in UNKNOWN_FIELDS.items():
        if content[block][field] is None:
            places.append(tuple((content[block], field, value) for value in values))
    for transfer in content["transfers"]:
        if transfer["country"] is None:
            places.append(tuple((transfer, "country", value) for value in ("NO", "CH", "CN")))
    assume(len(places) <= 4)
    found = []
    for filled in itertools.product(*places):
        for holder, field, value in filled:
            holder[field] = value
        if (made := built(content)) is not None:
            found.append(made)
    return found


@settings(max_examples=400)
@given(use_cases(unknown=True), WORLDS)
def test_what_is_not_known_is_refused_exactly_where_it_matters(use_case: UseCase, world: World) -> None:
    """S03: refused for the unknown if and only if two ways of filling it in have another legal basis."""
    filled = [decide("any", made, world) for made in completions(use_case)]
    bases = {verdict.legal_basis for verdict in filled}
    verdict = decide("any", use_case, world)
    if len(bases) == 1:
        assert verdict.legal_basis in bases
        assert not verdict.undecided
        assert all(set(verdict.conditions) >= set(each.conditions) for each in filled)
    else:
        assert verdict.legal_basis is LegalBasis.REFUSED
        assert verdict.undecided
        assert verdict.trail[-1].question == UNKNOWN


@settings(max_examples=400)
@given(USE_CASES_WITH_GAPS, WORLDS)
def test_the_undecided_fields_are_those_that_would_decide(use_case: UseCase, world: World) -> None:
    """S33: a field is named as undecided if and only if it changes the verdict in some way of filling in the others."""
    verdict = decide("any", use_case, world)
    assert set(verdict.undecided) == {
        f"{block}.{name}" for block, name in UNKNOWN_FIELDS if _changes_the_verdict(block, name, use_case, world)
    }


def _changes_the_verdict(block: str, name: str, use_case: UseCase, world: World) -> bool:
    """True where two ways of filling in differ in this field only, and have another legal basis."""
    if raw(use_case)[block][name] is not None:
        return False
    groups: dict[str, set[LegalBasis]] = {}
    for made in completions(use_case):
        content = raw(made)
        del content[block][name]
        groups.setdefault(str(content), set()).add(decide("any", made, world).legal_basis)
    return any(len(bases) > 1 for bases in groups.values())


@settings(max_examples=150)
@given(st.one_of(use_cases(), USE_CASES_WITH_GAPS), WORLDS)
def test_alternatives_hold_what_they_promise(use_case: UseCase, world: World) -> None:
    """S30, S58: each alternative, decided, has the legal basis it promises, and asks less of us."""
    rung = decide("any", use_case, world).legal_basis.rung
    for alternative in alternatives("any", use_case, world):
        assert alternative.edits == edits(use_case, alternative.use_case)
        assert decide("any", alternative.use_case, world).legal_basis is alternative.legal_basis
        assert alternative.legal_basis.rung < rung


@settings(max_examples=150)
@given(st.one_of(use_cases(), USE_CASES_WITH_GAPS), WORLDS)
def test_alternatives_change_no_more_than_they_must(use_case: UseCase, world: World) -> None:
    """S30: no alternative holds all edits of another that does as well."""
    found = alternatives("any", use_case, world)
    changes = [{(edit.field, str(edit.after)) for edit in alternative.edits} for alternative in found]
    for (one, its), (other, others) in itertools.permutations(zip(found, changes, strict=True), 2):
        assert not (its < others and one.legal_basis.rung <= other.legal_basis.rung)


@settings(max_examples=150)
@given(st.one_of(use_cases(), USE_CASES_WITH_GAPS), WORLDS)
def test_alternatives_never_advise_a_claim(use_case: UseCase, world: World) -> None:
    """S22, S58: that a contract or a law needs it is for people to answer for; no alternative says so."""
    for alternative in alternatives("any", use_case, world):
        assert alternative.use_case.purpose.statutory_duty == use_case.purpose.statutory_duty
        before, after = use_case.purpose.necessary_for_contract, alternative.use_case.purpose.necessary_for_contract
        assert after == before or not after
