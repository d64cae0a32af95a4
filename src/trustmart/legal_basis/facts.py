"""What a decision reads of a use case: its words sorted once, and whatever is not known raises when it is read."""

from functools import lru_cache
from typing import Any, NamedTuple

from trustmart.legal_basis.world import World
from trustmart.policy.use_cases import Channel, Kind, Origin, Product, Transfer, UseCase
from trustmart.policy.vocabulary import data_categories, data_uses

MAJORITY = 18
# Stands for every country that is neither in the EEA nor adequate: ISO 3166-1 gives it to nobody.
ELSEWHERE = "ZZ"

_SPECIAL = (
    "user.health_and_medical",
    "user.biometric",
    "user.authorization.biometric",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.political_opinion",
    "user.demographic.sexual_orientation",
)
_CONTENT = ("user.content",)
_TERMINAL = ("user.device", "user.telemetry", "user.sensor", "user.user_sensor")
# A cookie is read from a device, whatever the use case says of communications.
_COOKIES = ("user.device.cookie", "user.device.cookie_id")

FIELDS = {
    "individuals": "processing.individuals",
    "necessary": "purpose.necessary_for_contract",
    "product": "purpose.product",
    "profiling": "processing.profiling",
    "significant_effect": "processing.significant_effect",
    "origin": "source.origin",
    "existing_relationship": "source.existing_relationship",
    "obtained_in_sale": "source.obtained_in_sale",
    "communications": "source.electronic_communications",
}
NAMES = {field: name for name, field in FIELDS.items()}


class NotKnown(AttributeError):
    """A decision reads what the use case leaves open."""

    def __init__(self, field: str) -> None:
        """Keep the field as policy writes it."""
        super().__init__(field)
        self.field = field


class Categories(NamedTuple):
    """The first data category of each sort that rules ask about."""

    special: str | None
    criminal: str | None
    children: str | None
    content: str | None
    terminal: str | None
    cookie: str | None
    credit_score: str | None
    wide: str | None


def is_under(word: str, roots: tuple[str, ...]) -> bool:
    """True where a dotted word is one of the roots, or a narrower one."""
    return any(word == root or word.startswith(root + ".") for root in roots)


@lru_cache(maxsize=4096)
def read_categories(categories: tuple[str, ...]) -> Categories:
    """Sort a use case's data categories."""

    def first(*roots: str) -> str | None:
        return next((category for category in categories if is_under(category, roots)), None)

    # A bare `user` may be anything, and so the worst.
    anything = "user" if "user" in categories else None
    return Categories(
        special=first(*_SPECIAL) or anything,
        criminal=first("user.criminal_history"),
        children=first("user.childrens"),
        content=first(*_CONTENT) or anything,
        terminal=first(*_TERMINAL) or anything,
        cookie=first(*_COOKIES),
        credit_score=first("user.financial.credit_score"),
        wide="user.demographic" if "user.demographic" in categories else None,
    )


@lru_cache(maxsize=4096)
def unheard_words(data_use: str, categories: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields whose words nobody knows: a rule that does not know a word cannot see its risk."""
    categories_known = data_categories().issuperset(categories)
    known = {"purpose.data_use": data_use in data_uses(), "source.categories": categories_known}
    return tuple(field for field, is_known in known.items() if not is_known)


class Facts:
    """A use case as the rules read it. Reading what is not known raises NotKnown."""

    __slots__ = (
        *FIELDS,
        "categories",
        "channels",
        "data_use",
        "duty",
        "kind",
        "places",
        "transfers",
        "use_case",
        "world",
    )

    individuals: bool
    necessary: bool | str
    product: Product
    profiling: bool
    significant_effect: bool
    origin: Origin
    existing_relationship: bool
    obtained_in_sale: bool
    communications: bool
    categories: Categories
    channels: tuple[Channel, ...]
    data_use: str
    duty: str
    kind: Kind
    places: tuple[str | None, ...]
    transfers: tuple[Transfer, ...]
    use_case: UseCase
    world: World

    def __init__(self, use_case: UseCase, world: World) -> None:
        """Sort a use case's words; what is not known is left unset."""
        purpose, processing, source = use_case.purpose, use_case.processing, use_case.source
        self.use_case, self.world = use_case, world
        self.data_use, self.duty = purpose.data_use, (purpose.statutory_duty or "").strip()
        self.kind, self.channels = processing.kind, processing.channels
        self.categories = read_categories(source.categories)
        self.transfers = use_case.transfers
        self.places = tuple([transfer.country for transfer in use_case.transfers])
        if purpose.product is not None:
            self.product = purpose.product
        necessary = purpose.necessary_for_contract
        if necessary is not None:
            self.necessary = necessary.strip() if isinstance(necessary, str) else necessary
        if processing.individuals is not None:
            self.individuals = processing.individuals
        if processing.profiling is not None:
            self.profiling = processing.profiling
        if processing.significant_effect is not None:
            self.significant_effect = processing.significant_effect
        if source.origin is not None:
            self.origin = source.origin
        if source.existing_relationship is not None:
            self.existing_relationship = source.existing_relationship
        if source.obtained_in_sale is not None:
            self.obtained_in_sale = source.obtained_in_sale
        if source.electronic_communications is not None:
            self.communications = source.electronic_communications

    def __getattr__(self, name: str) -> Any:
        """Say which field would have to be filled in."""
        raise NotKnown(FIELDS.get(name, name))

    def known(self, name: str) -> Any:
        """Return a fact, or None where it is not known."""
        return getattr(self, name, None)

    def unknown(self) -> list[str]:
        """Return every field that is not known."""
        places = (f"transfers[{index}].country" for index, place in enumerate(self.places) if place is None)
        return [*(field for name, field in FIELDS.items() if self.known(name) is None), *places]

    def place(self, index: int) -> str:
        """Return the country that a transfer goes to."""
        country = self.places[index]
        if country is None:
            raise NotKnown(f"transfers[{index}].country")
        return country

    def assuming(self, field: str, value: Any) -> "Facts":
        """Return these facts with one that was not known."""
        assumed = Facts.__new__(Facts)
        for name in Facts.__slots__:
            if (known := self.known(name)) is not None:
                setattr(assumed, name, known)
        if field in NAMES:
            setattr(assumed, NAMES[field], value)
        else:
            index = int(field.removeprefix("transfers[").removesuffix("].country"))
            assumed.places = (*self.places[:index], value, *self.places[index + 1 :])
        return assumed


def can_be(facts: Facts, field: str) -> tuple[Any, ...]:
    """Return what a field that is not known can be, without contradicting what is."""
    known = facts.known
    if field == "purpose.product":
        return tuple(product for product in Product if product is not Product.THIRD_PARTY or not known("necessary"))
    if field == "purpose.necessary_for_contract":
        return (False,) if known("product") is Product.THIRD_PARTY else (False, True)
    if field == "processing.individuals":
        people = facts.channels or facts.kind in (Kind.CONTACT, Kind.SCORE, Kind.AUTOMATED_DECISION)
        return (True,) if people or known("profiling") or known("significant_effect") else (False, True)
    if field == "source.origin":
        return tuple(origin for origin in Origin if origin is not Origin.THIRD_PARTY or not known("obtained_in_sale"))
    if field == "source.existing_relationship":
        return (True,) if known("obtained_in_sale") else (False, True)
    if field == "source.obtained_in_sale":
        never = known("existing_relationship") is False or known("origin") is Origin.THIRD_PARTY
        return (False,) if never else (False, True)
    if field.startswith("transfers"):
        return (min(facts.world.eea, default=facts.world.controller.country), ELSEWHERE)
    if field in ("processing.profiling", "processing.significant_effect"):
        return (False,) if known("individuals") is False else (False, True)
    return (False, True)
