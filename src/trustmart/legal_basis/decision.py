"""By what right may this be done? The flow chart, asked in its fixed order; pure, total, and it fails closed."""

from functools import lru_cache
from itertools import takewhile
from typing import Any

from trustmart.legal_basis import rules
from trustmart.legal_basis.asking import against_consent, for_explicit
from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.conditions import conditions_of
from trustmart.legal_basis.contract import against_contract, against_duty
from trustmart.legal_basis.facts import Facts, unheard_words
from trustmart.legal_basis.interest import against_interest
from trustmart.legal_basis.marketing import is_soft_opt_in
from trustmart.legal_basis.risks import Hit, protected_communications
from trustmart.legal_basis.transfers import uncarried_transfer
from trustmart.legal_basis.unknowns import Ruling, TooManyWays, Way, deciding_fields, ways
from trustmart.legal_basis.verdict import Because, Step, Verdict
from trustmart.legal_basis.world import World
from trustmart.policy.use_cases import UseCase

ANONYMOUS = "Can it be anonymous?"
COMMUNICATIONS = "Does ePrivacy protect it even so?"
TRANSFERS = "May the data go where they go?"
OBLIGATION = "Does a law oblige us?"
CONTRACT = "Does the contract need it?"
INTEREST = "Is it a legitimate interest, with opt-out?"
CONSENT = "Can people be asked for consent?"
EXPLICIT = "Must they say so explicitly?"
UNKNOWN = "Is everything known that decides?"
# The order of the ladder; TRANSFERS bars every personal use, COMMUNICATIONS is asked of anonymous ones too.
QUESTIONS = (ANONYMOUS, COMMUNICATIONS, TRANSFERS, OBLIGATION, CONTRACT, INTEREST, CONSENT, EXPLICIT)

BLOCKS = ("purpose", "processing", "source", "transfers")


def decide(name: str, use_case: UseCase, world: World) -> Verdict:
    """Decide by what right a use case may run.

    What is not known is gone through: where every way it could be has the same legal basis, that is the answer, under
    the conditions of all; where they fall apart it is refused, and `undecided` names the fields that would decide.
    """
    if unheard := unheard_words(use_case.purpose.data_use, use_case.source.categories):
        return _undecided(name, (), unheard, rules.UNHEARD_WORD)
    facts = Facts(use_case, world)
    try:
        found = list(ways(facts, ruling_on))
    except TooManyWays as too_many:
        return _undecided(name, (), too_many.fields, rules.TOO_MUCH_IS_NOT_KNOWN)
    if len(found) == 1:
        return _verdict(name, found[0].ruling)
    if fields := deciding_fields(facts, found):
        return _undecided(name, _shared(found), fields, rules.NOT_KNOWN)
    return _whichever_way(name, found)


def basis_of(use_case: UseCase, world: World) -> LegalBasis:
    """Return the legal basis alone: the same as decide says, sooner where something is not known."""
    if unheard_words(use_case.purpose.data_use, use_case.source.categories):
        return LegalBasis.REFUSED
    basis: LegalBasis | None = None
    try:
        for way in ways(Facts(use_case, world), ruling_on):
            if basis is not None and basis is not way.ruling.legal_basis:
                return LegalBasis.REFUSED
            basis = way.ruling.legal_basis
    except TooManyWays:
        return LegalBasis.REFUSED
    return basis or LegalBasis.REFUSED


def block_of(field: str) -> str:
    """Return the block of a field; who the controller is counts as what it is for."""
    block = field.partition(".")[0].partition("[")[0]
    return block if block in BLOCKS else "purpose"


def ruling_on(facts: Facts) -> Ruling:
    """Ask the questions in their order; raises NotKnown where a question reads what is not known."""
    trail: list[Step] = []
    if not facts.individuals:
        trail.append(_yes(ANONYMOUS, ("processing.individuals", False, rules.NOBODY_SINGLED_OUT)))
        if not (hit := protected_communications(facts)):
            rule = rules.TRAFFIC_MADE_ANONYMOUS if facts.communications else rules.NO_COMMUNICATIONS
            trail.append(_no(COMMUNICATIONS, ("source.electronic_communications", facts.communications, rule)))
            return _ruling(LegalBasis.ANONYMOUS, facts, trail, "processing")
        trail.append(_yes(COMMUNICATIONS, hit))
    else:
        trail.append(_no(ANONYMOUS, ("processing.individuals", True, rules.PEOPLE_ARE_USED)))
        if facts.transfers:
            if hit := uncarried_transfer(facts):
                trail.append(_no(TRANSFERS, hit))
                return _ruling(LegalBasis.REFUSED, facts, trail, "transfers")
            trail.append(_yes(TRANSFERS, ("transfers", len(facts.transfers), rules.NOTHING_LEAVES)))
    return _personal(facts, trail)


def _personal(facts: Facts, trail: list[Step]) -> Ruling:
    """Ask from contract or law down to consent, and refuse what falls through."""
    duty = against_duty(facts)
    if duty is None:
        trail.append(_yes(OBLIGATION, ("purpose.statutory_duty", facts.duty, rules.DUTY_STATED)))
        return _ruling(_unless_anonymous(LegalBasis.LEGAL_OBLIGATION, facts), facts, trail, "purpose")
    trail.append(_no(OBLIGATION, duty))
    contract = against_contract(facts)
    if contract is None:
        trail.append(_yes(CONTRACT, ("purpose.necessary_for_contract", facts.necessary, rules.CONTRACT_NEEDS_IT)))
        return _ruling(_unless_anonymous(LegalBasis.CONTRACT, facts), facts, trail, "purpose")
    trail.append(_no(CONTRACT, contract))
    interest = against_interest(facts)
    if interest is None:
        trail.append(_interest(facts))
        tipped_by = "source" if is_soft_opt_in(facts) else block_of(contract[0])
        return _ruling(LegalBasis.LEGITIMATE_INTEREST, facts, trail, tipped_by)
    trail.append(_no(INTEREST, interest))
    return _consent(facts, trail, interest)


def _consent(facts: Facts, trail: list[Step], interest: Hit) -> Ruling:
    """Ask whether people can be asked, and how clearly they must answer."""
    if hit := against_consent(facts):
        trail.append(_no(CONSENT, hit))
        return _ruling(LegalBasis.REFUSED, facts, trail, block_of(hit[0]))
    trail.append(_yes(CONSENT, ("controller.kind", facts.world.controller.kind, rules.CAN_BE_ASKED)))
    if hit := for_explicit(facts):
        trail.append(_yes(EXPLICIT, hit))
        return _ruling(LegalBasis.EXPLICIT_CONSENT, facts, trail, block_of(hit[0]))
    trail.append(_no(EXPLICIT, ("source.categories", facts.use_case.source.categories, rules.PLAIN_YES)))
    return _ruling(LegalBasis.CONSENT, facts, trail, block_of(interest[0]))


def _unless_anonymous(basis: LegalBasis, facts: Facts) -> LegalBasis:
    """Communications data that law or service need stay anonymous where nobody is singled out."""
    return basis if facts.individuals else LegalBasis.ANONYMOUS


def _interest(facts: Facts) -> Step:
    """Say what a legitimate interest rests on."""
    if is_soft_opt_in(facts):
        return _yes(INTEREST, ("source.obtained_in_sale", True, rules.SOFT_OPT_IN))
    return _yes(INTEREST, ("purpose.product", facts.known("product"), rules.INTEREST_HOLDS))


# --- From a ruling to a verdict


def _ruling(basis: LegalBasis, facts: Facts, trail: list[Step], decided_by: str) -> Ruling:
    return Ruling(basis, conditions_of(basis, facts), tuple(trail), decided_by)


def _verdict(name: str, ruling: Ruling) -> Verdict:
    return Verdict(
        use_case=name,
        legal_basis=ruling.legal_basis,
        conditions=ruling.conditions,
        trail=ruling.trail,
        decided_by=ruling.decided_by,
    )


def _whichever_way(name: str, found: list[Way]) -> Verdict:
    """Answer as all ways do, under the conditions of each."""
    strictest = max((way.ruling for way in found), key=lambda ruling: len(ruling.conditions))
    conditions = dict.fromkeys(strictest.conditions)
    conditions |= dict.fromkeys(condition for way in found for condition in way.ruling.conditions)
    fields = dict.fromkeys(field for way in found for field in way.assumed)
    step = _yes(UNKNOWN, (", ".join(fields), None, rules.DOES_NOT_MATTER))
    return Verdict(
        use_case=name,
        legal_basis=strictest.legal_basis,
        conditions=tuple(conditions),
        trail=(*strictest.trail, step),
        decided_by=strictest.decided_by,
    )


def _undecided(name: str, trail: tuple[Step, ...], fields: tuple[str, ...], rule: rules.Rule) -> Verdict:
    """Refuse, and name what would decide."""
    return Verdict(
        use_case=name,
        legal_basis=LegalBasis.REFUSED,
        conditions=(),
        trail=(*trail, *(_no(UNKNOWN, (field, None, rule)) for field in fields)),
        decided_by=block_of(fields[0]),
        undecided=fields,
    )


def _shared(found: list[Way]) -> tuple[Step, ...]:
    """Return the steps that all ways have in common."""
    together = zip(*(way.ruling.trail for way in found), strict=False)
    return tuple(steps[0] for steps in takewhile(lambda steps: all(step == steps[0] for step in steps), together))


def _yes(question: str, hit: Hit) -> Step:
    return _step(question, "yes", *hit)


def _no(question: str, hit: Hit) -> Step:
    return _step(question, "no", *hit)


@lru_cache(maxsize=8192, typed=True)
def _step(question: str, answer: str, field: str, value: Any, rule: rules.Rule) -> Step:
    """Return a step; the same ones come again and again, so they are made once."""
    because = Because(field=field, value=value, rule=rule.text, article=rule.article)
    return Step(question=question, answer=answer, because=because)
