"""May the data go where they go? Out of the EEA only where something carries the transfer (GDPR Art. 44-49)."""

from trustmart.legal_basis import rules
from trustmart.legal_basis.contract import against_contract
from trustmart.legal_basis.facts import Facts, NotKnown
from trustmart.legal_basis.risks import Hit
from trustmart.policy.use_cases import Mechanism, Relation, Transfer


def uncarried_transfer(facts: Facts) -> Hit | None:
    """Return the first transfer out of the EEA that nothing carries."""
    unknown: NotKnown | None = None
    for index, transfer in enumerate(facts.transfers):
        try:
            if rule := _not_carried(facts, index, transfer):
                return f"transfers[{index}].mechanism", transfer.mechanism, rule
        except NotKnown as not_known:
            unknown = unknown or not_known
    if unknown is not None:
        raise unknown
    return None


def _not_carried(facts: Facts, index: int, transfer: Transfer) -> rules.Rule | None:
    """Return the rule that a transfer breaks."""
    mechanism = transfer.mechanism
    if mechanism is Mechanism.SCC or (mechanism is Mechanism.BCR and transfer.relation is not Relation.THIRD_PARTY):
        return None
    place = facts.place(index)
    if place in facts.world.eea:
        return None
    if mechanism is Mechanism.BCR:
        return rules.BCR_BIND_THE_GROUP
    if mechanism is Mechanism.ADEQUACY:
        return None if place in facts.world.adequate else rules.NOT_ADEQUATE
    return None if needed_abroad(facts, transfer) else rules.NO_MECHANISM


def needed_abroad(facts: Facts, transfer: Transfer) -> bool:
    """True where the person's contract itself needs the transfer, such as a payment abroad (GDPR 49(1)(b), 49(3))."""
    company = facts.world.controller.kind == "company"
    return company and transfer.necessary_for_contract and against_contract(facts) is None
