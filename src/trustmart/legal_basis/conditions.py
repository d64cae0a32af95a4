"""What must exist for a verdict to hold, each a sentence with its article, and which verdict asks for which."""

from collections.abc import Iterator

from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.facts import Facts
from trustmart.legal_basis.marketing import MAIL, is_soft_opt_in
from trustmart.legal_basis.risks import (
    children,
    communications,
    is_marketing,
    minors,
    other_recipient,
    protected_communications,
    significant_decision,
    special_category,
)
from trustmart.legal_basis.rules import Rule
from trustmart.legal_basis.transfers import needed_abroad
from trustmart.policy.use_cases import Channel, Mechanism, Origin, Relation

CONDITIONS = {
    # anonymous
    "nobody_stands_out": Rule(
        "it passes the release gate: nobody can be singled out, linked or inferred", "GDPR Recital 26; WP216"
    ),
    "made_anonymous_at_once": Rule("traffic and location data are made anonymous at once", "ePrivacy 6(1), 9(1)"),
    "strictly_necessary": Rule(
        "communications data serve the service asked for, or the law, and nothing else", "ePrivacy 5(3), 6(2), 15(1)"
    ),
    # every personal use
    "information_given": Rule("people are told of this purpose, and its legal basis", "GDPR 13(1)(c), 14(1)(c)"),
    "source_told": Rule("people are told where their data come from", "GDPR 14(2)(f)"),
    "processor_contract": Rule("each processor is bound by a contract", "GDPR 28(3)"),
    "recipient_named": Rule("each recipient is named to the people concerned", "GDPR 13(1)(e), 14(1)(e)"),
    "recipients_told_of_changes": Rule("each recipient is told who was corrected, erased or restricted", "GDPR 19"),
    "transfer_assessed": Rule(
        "the recipient's country was found not to undo the clauses or rules", "GDPR 46; CJEU C-311/18 (Schrems II)"
    ),
    "adequacy_covers_recipient": Rule("the adequacy decision covers this recipient (US: certified)", "GDPR 45"),
    "transfer_needed_each_time": Rule("only what each person's own contract needs goes abroad", "GDPR 49(1)(b)"),
    "special_categories_left_out": Rule(
        "user.demographic is wide: race, religion, politics and sexual orientation are left out", "GDPR 9(1)"
    ),
    "impact_assessment": Rule("the impact on people was assessed beforehand", "GDPR 35(1), 35(3)"),
    # contract or legal obligation
    "necessity_stated": Rule("the sentence is written: without this, which service could not be given?", "GDPR 5(2)"),
    "only_what_the_law_asks": Rule("no more data, recipients or time than the law asks for", "GDPR 5(1)(c), 6(3)"),
    "law_covers_special_categories": Rule("the law itself allows these categories", "GDPR 9(2)(b)-(j), 10"),
    "law_covers_communications": Rule("the law itself allows these communications data", "ePrivacy 15(1)"),
    "law_allows_the_decision": Rule("the law itself allows the automated decision", "GDPR 22(2)(b)"),
    # significant automated decisions
    "human_review": Rule("a person with the power to change it looks at the decision when asked", "GDPR 22(3)"),
    "contest_route": Rule("people can say what they think of the decision, and contest it", "GDPR 22(3)"),
    "logic_explained": Rule("people are told the logic and the consequences", "GDPR 13(2)(f), 15(1)(h)"),
    # legitimate interest
    "objection_route": Rule("people can say no, and are told so at the first contact", "GDPR 21(1), 21(2), 21(4)"),
    "objections_honoured": Rule("who has said no is not used again, from the next run on", "GDPR 21(1), 21(3)"),
    "balancing_test": Rule("the use case says why our interest outweighs theirs (balancing)", "GDPR 6(1)(f)"),
    "opt_out_at_collection": Rule("people could say no when the details were taken", "ePrivacy 13(2)"),
    "opt_out_in_every_message": Rule("every message lets them say no, free and easily", "ePrivacy 13(2)"),
    "not_refused": Rule("nobody is written to who refused when the details were taken", "ePrivacy 13(2)"),
    "sender_named": Rule("the sender is not hidden, and has an address for a no", "ePrivacy 13(4)"),
    "do_not_call_lists": Rule("nobody is called who is on the country's do-not-call list", "ePrivacy 13(3)"),
    # consent
    "consent_notice": Rule("people read who asks, what for, and that they can withdraw", "GDPR 4(11), 7(2), 13"),
    "consent_proven": Rule("each yes is kept with its date and the text that was shown", "GDPR 7(1)"),
    "withdrawal_route": Rule("no is said as easily as yes was", "GDPR 7(3)"),
    "service_without_consent": Rule("the service is given also to those who say no", "GDPR 7(4)"),
    "capture_plan": Rule("the use case says how consents will be captured", "GDPR 7(1)"),
    "activation_plan": Rule("the use case says what will be done with the consents", "GDPR 5(1)(b)"),
    "explicit_statement": Rule("people say yes in words, to exactly this", "GDPR 9(2)(a), 22(2)(c)"),
    "age_gate": Rule("who is too young to consent in their country is left out", "GDPR 8(1)"),
    "parental_authorisation": Rule("for a child, who holds parental responsibility says yes", "GDPR 8(1), 8(2)"),
}


def conditions_of(basis: LegalBasis, facts: Facts) -> tuple[str, ...]:
    """Return the names of the conditions under which a use case may run."""
    if basis is LegalBasis.REFUSED:
        return ()
    parts: list[str] = []
    if not facts.individuals:
        parts += _anonymous(facts) if basis is LegalBasis.ANONYMOUS else ("information_given",)
    else:
        parts += _personal(facts)
    if basis is LegalBasis.CONTRACT:
        parts += _contract(facts)
    elif basis is LegalBasis.LEGAL_OBLIGATION:
        parts += _obligation(facts)
    elif basis is LegalBasis.LEGITIMATE_INTEREST:
        parts += _interest(facts)
    elif basis.needs_consent:
        parts += _consent(facts, explicit=basis is LegalBasis.EXPLICIT_CONSENT)
    return tuple(parts)


def _anonymous(facts: Facts) -> Iterator[str]:
    """What anonymous use rests on."""
    yield "nobody_stands_out"
    if protected_communications(facts):
        yield "strictly_necessary"
    elif facts.communications:
        yield "made_anonymous_at_once"


def _personal(facts: Facts) -> Iterator[str]:
    """What every personal use rests on."""
    yield "information_given"
    if facts.origin is Origin.THIRD_PARTY:
        yield "source_told"
    if any(transfer.relation is Relation.PROCESSOR for transfer in facts.transfers):
        yield "processor_contract"
    if other_recipient(facts):
        yield "recipient_named"
        yield "recipients_told_of_changes"
    yield from _abroad(facts)
    if facts.categories.wide and not facts.categories.special:
        yield "special_categories_left_out"
    decision = significant_decision(facts)
    if decision or ((special_category(facts) or minors(facts)) and facts.profiling):
        yield "impact_assessment"
    if decision:
        yield "human_review"
        yield "contest_route"
        yield "logic_explained"


def _abroad(facts: Facts) -> Iterator[str]:
    """What transfers out of the EEA rest on."""
    abroad = [
        transfer
        for transfer, place in zip(facts.transfers, facts.places, strict=True)
        if place is None or place not in facts.world.eea
    ]
    if any(transfer.mechanism in (Mechanism.SCC, Mechanism.BCR) for transfer in abroad):
        yield "transfer_assessed"
    if any(transfer.mechanism is Mechanism.ADEQUACY for transfer in abroad):
        yield "adequacy_covers_recipient"
    if any(transfer.mechanism is Mechanism.NONE and needed_abroad(facts, transfer) for transfer in abroad):
        yield "transfer_needed_each_time"


def _contract(facts: Facts) -> Iterator[str]:
    """What a contract rests on."""
    if facts.necessary is True:
        yield "necessity_stated"
    if communications(facts):
        yield "strictly_necessary"


def _obligation(facts: Facts) -> Iterator[str]:
    """What a legal obligation rests on."""
    yield "only_what_the_law_asks"
    if special_category(facts):
        yield "law_covers_special_categories"
    if communications(facts):
        yield "law_covers_communications"
    if significant_decision(facts):
        yield "law_allows_the_decision"


def _interest(facts: Facts) -> Iterator[str]:
    """What a legitimate interest rests on."""
    yield "objection_route"
    yield "objections_honoured"
    if not (facts.use_case.balancing or "").strip():
        yield "balancing_test"
    if is_soft_opt_in(facts):
        yield "opt_out_at_collection"
        yield "opt_out_in_every_message"
        yield "not_refused"
        yield "sender_named"
    if Channel.PHONE in facts.channels and is_marketing(facts):
        yield "do_not_call_lists"


def _consent(facts: Facts, *, explicit: bool) -> Iterator[str]:
    """What consent rests on."""
    yield "consent_notice"
    yield "consent_proven"
    yield "withdrawal_route"
    if facts.necessary:
        yield "service_without_consent"
    if explicit:
        yield "explicit_statement"
    yield "parental_authorisation" if children(facts) else "age_gate"
    if not (facts.use_case.capture_plan or "").strip():
        yield "capture_plan"
    if not (facts.use_case.activation_plan or "").strip():
        yield "activation_plan"
    if MAIL.intersection(facts.channels) and is_marketing(facts):
        yield "sender_named"
