"""Honest moves: changes to what is done, not to what is claimed, that may ask less of us (S30, S58)."""

from collections.abc import Callable
from typing import Any, NamedTuple

from trustmart.legal_basis.facts import MAJORITY, Facts, NotKnown, is_under, read_categories
from trustmart.legal_basis.risks import FOR_OTHERS, minors
from trustmart.legal_basis.transfers import uncarried_transfer
from trustmart.legal_basis.world import World
from trustmart.policy.use_cases import Channel, Kind, Mechanism, Origin, Product, Relation, Transfer, UseCase


class Move(NamedTuple):
    """A change in words, and the changed use case; None where there is nothing to change."""

    sentence: str
    change: Callable[[UseCase, World], UseCase | None]


_SINGLING_OUT = frozenset({Kind.CONTACT, Kind.SCORE, Kind.AUTOMATED_DECISION})
_ON_PAPER = frozenset({Channel.POST, Channel.BRANCH})
_PASSING_ON = frozenset({Kind.SHARE, Kind.SELL})


def _with(use_case: UseCase, block: str, **values: Any) -> UseCase:
    return use_case.model_copy(update={block: getattr(use_case, block).model_copy(update=values)})


def _groups(use_case: UseCase, world: World) -> UseCase | None:
    processing = use_case.processing
    if processing.individuals is False:
        return None
    kind = Kind.SEGMENT if processing.kind in _SINGLING_OUT else processing.kind
    about_nobody = {"individuals": False, "profiling": False, "significant_effect": False, "channels": ()}
    return _with(use_case, "processing", kind=kind, **about_nobody)


def _own_similar(use_case: UseCase, world: World) -> UseCase | None:
    if use_case.purpose.product in (Product.OWN_SIMILAR, Product.NONE):
        return None
    return _with(use_case, "purpose", product=Product.OWN_SIMILAR)


def _own_advertising(use_case: UseCase, world: World) -> UseCase | None:
    data_use = use_case.purpose.data_use
    if not is_under(data_use, FOR_OTHERS) or not data_use.startswith("marketing"):
        return None
    return _with(use_case, "purpose", data_use=data_use.replace("third_party", "first_party"))


def _on_paper(use_case: UseCase, world: World) -> UseCase | None:
    channels = use_case.processing.channels
    if not channels or _ON_PAPER.issuperset(channels):
        return None
    return _with(use_case, "processing", channels=tuple(c for c in channels if c in _ON_PAPER) or (Channel.POST,))


def _no_recipients(use_case: UseCase, world: World) -> UseCase | None:
    kept = tuple(transfer for transfer in use_case.transfers if transfer.relation is Relation.PROCESSOR)
    if len(kept) == len(use_case.transfers) or use_case.processing.kind in _PASSING_ON:
        return None
    return use_case.model_copy(update={"transfers": kept})


def _as_processors(use_case: UseCase, world: World) -> UseCase | None:
    others = any(transfer.relation is not Relation.PROCESSOR for transfer in use_case.transfers)
    if not others or use_case.processing.kind in _PASSING_ON:
        return None
    bound = tuple(transfer.model_copy(update={"relation": Relation.PROCESSOR}) for transfer in use_case.transfers)
    return use_case.model_copy(update={"transfers": bound})


def _mechanism(use_case: UseCase, world: World) -> UseCase | None:
    carried = tuple(_carried(use_case, world, transfer) for transfer in use_case.transfers)
    return use_case.model_copy(update={"transfers": carried}) if carried != use_case.transfers else None


def _carried(use_case: UseCase, world: World, transfer: Transfer) -> Transfer:
    """Give a transfer that nothing carries the mechanism that would."""
    alone = use_case.model_copy(update={"transfers": (transfer,)})
    try:
        if not uncarried_transfer(Facts(alone, world)):
            return transfer
    except NotKnown:
        pass  # the country is open; clauses hold anywhere
    mechanism = Mechanism.ADEQUACY if transfer.country in world.adequate else Mechanism.SCC
    return transfer.model_copy(update={"mechanism": mechanism})


def _no_profiling(use_case: UseCase, world: World) -> UseCase | None:
    return None if use_case.processing.profiling is False else _with(use_case, "processing", profiling=False)


def _a_person_decides(use_case: UseCase, world: World) -> UseCase | None:
    processing = use_case.processing
    if processing.significant_effect is False:
        return None
    kind = Kind.SCORE if processing.kind is Kind.AUTOMATED_DECISION else processing.kind
    return _with(use_case, "processing", significant_effect=False, kind=kind)


def _no_special(use_case: UseCase, world: World) -> UseCase | None:
    return _without(use_case, lambda found: found.special or found.criminal)


def _no_communications(use_case: UseCase, world: World) -> UseCase | None:
    categories = read_categories(use_case.source.categories)
    if use_case.source.electronic_communications is False and not categories.cookie:
        return None
    if not (categories.content or categories.terminal):
        return _with(use_case, "source", electronic_communications=False)
    kept = _without(use_case, lambda found: found.content or found.terminal)
    return kept and _with(kept, "source", electronic_communications=False)


def _without(use_case: UseCase, sort: Callable[[Any], str | None]) -> UseCase | None:
    """Leave out the data categories of a sort, where others remain."""
    categories = use_case.source.categories
    kept = tuple(category for category in categories if not sort(read_categories((category,))))
    return _with(use_case, "source", categories=kept) if kept and len(kept) < len(categories) else None


def _customers(use_case: UseCase, world: World) -> UseCase | None:
    return None if use_case.source.existing_relationship else _with(use_case, "source", existing_relationship=True)


def _from_a_sale(use_case: UseCase, world: World) -> UseCase | None:
    if use_case.source.obtained_in_sale or use_case.source.existing_relationship is not True:
        return None
    return _with(use_case, "source", obtained_in_sale=True)


def _first_party(use_case: UseCase, world: World) -> UseCase | None:
    if use_case.source.origin is Origin.FIRST_PARTY:
        return None
    return _with(use_case, "source", origin=Origin.FIRST_PARTY)


def _adults(use_case: UseCase, world: World) -> UseCase | None:
    if not minors(Facts(use_case, world)):
        return None
    categories = use_case.source.categories
    kept = tuple(category for category in categories if not read_categories((category,)).children)
    ages = (MAJORITY, world.default_age_of_digital_consent, *world.ages_of_digital_consent.values())
    return _with(use_case, "source", categories=kept, youngest=max(ages)) if kept else None


MOVES = (
    Move("work on groups instead of single people", _groups),
    Move("offer only what is like what they have bought from us", _own_similar),
    Move("advertise in our own channels, for ourselves", _own_advertising),
    Move("reach people by post or in a branch", _on_paper),
    Move("give data to nobody who pursues ends of their own", _no_recipients),
    Move("let recipients work for us only, as processors under contract", _as_processors),
    Move("have something carry the transfer out of the EEA", _mechanism),
    Move("do it without profiling", _no_profiling),
    Move("let a person decide", _a_person_decides),
    Move("leave the special categories out", _no_special),
    Move("leave communications data out", _no_communications),
    Move("turn to existing customers only", _customers),
    Move("use only contact details that customers gave when they bought", _from_a_sale),
    Move("use only what people gave us themselves", _first_party),
    Move("leave out who is not grown up", _adults),
)
