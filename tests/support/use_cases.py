"""Use cases to decide on: a world, a plain one to vary, and Hypothesis strategies for all the others."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from trustmart.legal_basis import World
from trustmart.policy.models import Purpose
from trustmart.policy.use_cases import Channel, Controller, Kind, Mechanism, Origin, Product, Relation, UseCase

COMPANY = Controller(
    name="Bank", country="NO", contact="privacy@bank.example", data_protection_officer="dpo@bank.example"
)
TOWN = COMPANY.model_copy(update={"kind": "public_body"})
WORLD = World(
    controller=COMPANY,
    eea=frozenset({"NO", "SE", "DE", "IE"}),
    adequate=frozenset({"CH", "US"}),
    live_calls_without_consent=frozenset({"NO", "SE"}),
    ages_of_digital_consent={"NO": 13, "DE": 16},
    default_age_of_digital_consent=18,
)
TOWN_HALL = World(
    controller=TOWN,
    eea=WORLD.eea,
    adequate=WORLD.adequate,
    live_calls_without_consent=WORLD.live_calls_without_consent,
    ages_of_digital_consent=WORLD.ages_of_digital_consent,
    default_age_of_digital_consent=18,
)

# Better terms on a product they have, by post: the plainest legitimate interest there is.
PLAIN: Mapping[str, Mapping[str, Any]] = {
    "purpose": {
        "data_use": "marketing.advertising.first_party.targeted",
        "product": "own_similar",
        "necessary_for_contract": False,
        "statutory_duty": None,
    },
    "processing": {
        "kind": "contact",
        "individuals": True,
        "profiling": False,
        "significant_effect": False,
        "channels": ["post"],
    },
    "source": {
        "categories": ["user.contact.address", "user.account"],
        "origin": "first_party",
        "existing_relationship": True,
        "obtained_in_sale": True,
        "electronic_communications": False,
    },
}

DATA_USES = (
    "essential.service",
    "essential.fraud_detection",
    "essential.legal_obligation",
    "analytics.reporting",
    "employment",
    "marketing.communications.email",
    "marketing.advertising.first_party.targeted",
    "marketing.advertising.third_party.targeted",
    "personalize.profiling",
    "third_party_sharing",
    "third_party_sharing.legal_obligation",
    "sales",
)
CATEGORIES = (
    "user.contact.email",
    "user.account",
    "user.demographic",
    "user.financial.credit_score",
    "user.content.private",
    "user.device",
    "user.device.cookie_id",
    "user.childrens",
    "user.health_and_medical",
    "user.criminal_history",
)
UNKNOWN_FIELDS: Mapping[tuple[str, str], tuple[Any, ...]] = {
    ("purpose", "product"): tuple(Product),
    ("purpose", "necessary_for_contract"): (False, True),
    ("processing", "individuals"): (False, True),
    ("processing", "profiling"): (False, True),
    ("processing", "significant_effect"): (False, True),
    ("source", "origin"): tuple(Origin),
    ("source", "existing_relationship"): (False, True),
    ("source", "obtained_in_sale"): (False, True),
    ("source", "electronic_communications"): (False, True),
}


def use_case(transfers: tuple[dict[str, Any], ...] = (), **changes: Any) -> UseCase:
    """Return the plain use case with some fields changed, named without their block."""
    blocks = {name: dict(block) for name, block in PLAIN.items()}
    rest = {}
    for field, value in changes.items():
        block = block_of(field)
        if block is None:
            rest[field] = value
        else:
            blocks[block][field] = value
    return UseCase.model_validate({**blocks, "transfers": transfers, **rest})


def block_of(field: str) -> str | None:
    """Return the block that a field belongs to."""
    known = {name: {*block} for name, block in PLAIN.items()}
    known["source"] |= {"youngest", "countries"}
    return next((name for name, fields in known.items() if field in fields), None)


def raw(use_case: UseCase) -> dict[str, Any]:
    """Return a use case as plain values, to change and build again."""
    return use_case.model_dump(mode="json")


def built(content: dict[str, Any]) -> UseCase | None:
    """Return the use case, or None where it contradicts itself."""
    try:
        return UseCase.model_validate(content)
    except ValidationError:
        return None


def _mostly(usual: Any, values: Iterable[Any]) -> st.SearchStrategy[Any]:
    """Draw what is harmless half of the time: otherwise one risk or another decides nearly every use case."""
    return st.one_of(st.just(usual), st.sampled_from(list(values)))


def use_cases(*, unknown: bool = False) -> st.SearchStrategy[UseCase]:
    """Return any use case that does not contradict itself; with `unknown`, some of its fields are not known."""
    nothing = [None] if unknown else []
    either = [True, False, *nothing]
    transfer = st.fixed_dictionaries(
        {
            "recipient": st.just("somebody"),
            "relation": _mostly("processor", Relation),
            "country": _mostly("NO", ["NO", "CH", "CN", *nothing]),
            "mechanism": st.sampled_from(list(Mechanism)),
            "necessary_for_contract": st.booleans(),
        }
    )
    purpose = st.fixed_dictionaries(
        {
            "data_use": _mostly("marketing.advertising.first_party.targeted", DATA_USES),
            "product": _mostly("own_similar", [*Product, *nothing]),
            "necessary_for_contract": _mostly(False, [False, True, "no account without it", *nothing]),
            "statutory_duty": _mostly(None, [None, "Bookkeeping Act § 13"]),
        }
    )
    processing = st.fixed_dictionaries(
        {
            "kind": _mostly("contact", Kind),
            "individuals": _mostly(True, either),
            "profiling": _mostly(False, either),
            "significant_effect": _mostly(False, either),
            "channels": st.lists(_mostly("post", Channel), max_size=2, unique=True),
        }
    )
    source = st.fixed_dictionaries(
        {
            "categories": st.lists(_mostly("user.account", CATEGORIES), min_size=1, max_size=2, unique=True),
            "origin": _mostly("first_party", [*Origin, *nothing]),
            "existing_relationship": _mostly(True, either),
            "obtained_in_sale": _mostly(True, either),
            "electronic_communications": _mostly(False, either),
            "youngest": _mostly(None, [None, 10, 15, 18]),
            "countries": st.sampled_from([[], ["NO"], ["DE", "NO"]]),
        }
    )
    contents = st.fixed_dictionaries(
        {
            "purpose": purpose,
            "processing": processing,
            "source": source,
            "transfers": st.one_of(st.just([]), st.lists(transfer, max_size=2)),
        }
    )
    return contents.map(built).filter(lambda made: made is not None)


def _about_nobody(made: UseCase, kind: str) -> UseCase:
    content = raw(made)
    content["processing"] = {
        "kind": kind,
        "individuals": False,
        "profiling": False,
        "significant_effect": False,
        "channels": [],
    }
    return UseCase.model_validate(content)


AGGREGATES = st.builds(_about_nobody, use_cases(), st.sampled_from(["report", "train", "store", "segment", "share"]))


def _with_gaps(made: UseCase, gaps: set[tuple[str, str]]) -> UseCase | None:
    content = raw(made)
    for block, field in gaps:
        content[block][field] = None
    return built(content)


GAPS = st.sets(st.sampled_from(list(UNKNOWN_FIELDS)), min_size=1, max_size=3)
USE_CASES_WITH_GAPS = st.builds(_with_gaps, use_cases(), GAPS).filter(lambda made: made is not None)

WORLDS = st.sampled_from([WORLD, WORLD, WORLD, TOWN_HALL])


PURPOSES = {
    "letters": Purpose(title="Letters", data_use="marketing", objections=("direct_marketing",), minimum_age=18),
    "news": Purpose(title="News", data_use="marketing", valid_for_days=730, objections=("direct_marketing",)),
}


def policy_of(**use_cases: UseCase) -> Any:
    """Return what the legal basis reads of a policy."""
    return SimpleNamespace(
        use_cases=use_cases,
        purposes=PURPOSES,
        controller=COMPANY,
        eea=WORLD.eea,
        adequacy={},
        live_calls_without_consent=WORLD.live_calls_without_consent,
        jurisdictions={},
        default_age_of_digital_consent=18,
    )
