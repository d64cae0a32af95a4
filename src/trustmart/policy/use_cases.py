"""Use cases: what somebody wants to do with data, in four blocks (S32), signed by business and legal (S31).

A field that is null, or not there, is not known yet. It is no fault: the decision refuses what depends on it, and says
which field would decide. A block that is not there is a fault.
"""

import hashlib
import json
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Literal

from pydantic import Field, StrictBool, field_validator, model_validator

from trustmart.policy.base import Country, Name, PolicyModel


class Product(StrEnum):
    """Whose product a use case is about, and how near it is to what the customer has bought."""

    OWN_SIMILAR = "own_similar"
    OWN_DISSIMILAR = "own_dissimilar"
    GROUP_COMPANY = "group_company"
    THIRD_PARTY = "third_party"
    NONE = "none"


class Kind(StrEnum):
    """What is done with the data."""

    REPORT = "report"
    TRAIN = "train"
    STORE = "store"
    SEGMENT = "segment"
    SCORE = "score"
    CONTACT = "contact"
    SHARE = "share"
    SELL = "sell"
    AUTOMATED_DECISION = "automated_decision"


class Channel(StrEnum):
    """How people are reached."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    IN_APP = "in_app"
    COOKIE = "cookie"
    ONLINE_ADS = "online_ads"
    PHONE = "phone"
    POST = "post"
    BRANCH = "branch"


class Origin(StrEnum):
    """Where the data comes from."""

    FIRST_PARTY = "first_party"
    THIRD_PARTY = "third_party"
    OBSERVED = "observed"


class Relation(StrEnum):
    """What a recipient is to us."""

    PROCESSOR = "processor"
    GROUP = "group"
    THIRD_PARTY = "third_party"


class Mechanism(StrEnum):
    """What carries a transfer out of the EEA (GDPR Art. 44-47)."""

    NONE = "none"
    ADEQUACY = "adequacy"
    SCC = "scc"
    BCR = "bcr"


class SignOff(PolicyModel):
    """A signature under one version of a use case; when the use case changes, it counts no more."""

    by: str = Field(min_length=1)
    on: date
    version: str


class Owners(PolicyModel):
    """Who answers for a use case: both sign, by name or under one version of it (S05, S31, S59)."""

    business: str | SignOff | None = None
    legal: str | SignOff | None = None

    def signed(self, version: str) -> bool:
        """True where both have signed, and neither under another version than this one."""
        return all(_counts(signature, version) for signature in (self.business, self.legal))

    def name(self, side: Literal["business", "legal"]) -> str | None:
        """Return who answers on one side."""
        signature = getattr(self, side)
        return signature.by if isinstance(signature, SignOff) else signature


def _counts(signature: str | SignOff | None, version: str) -> bool:
    """True where a signature holds for a version."""
    if isinstance(signature, SignOff):
        return signature.version == version
    return bool(signature and signature.strip())


_WORDS_FOR_NOTHING = frozenset(
    {
        "none",
        "no",
        "false",
        "null",
        "nil",
        "nothing",
        "n/a",
        "na",
        "not applicable",
        "unknown",
        "not known",
        "tbd",
        "todo",
    }
    | {"-", "--", "?", "yes", "true", "y", "n", "x"}
)


class UseCasePurpose(PolicyModel):
    """Block 1: what it is for."""

    data_use: str
    product: Product | None = None
    # True, or better the sentence: without this, which service could not be given?
    necessary_for_contract: StrictBool | str | None = None
    statutory_duty: str | None = None
    benefit: str | None = None

    @field_validator("necessary_for_contract", "statutory_duty")
    @classmethod
    def _says_something(cls, said: bool | str | None) -> bool | str | None:
        """Refuse a word for nothing: read as a law or as a need, it would take everybody's choice away."""
        if isinstance(said, str) and said.strip().strip(".").lower() in _WORDS_FOR_NOTHING:
            raise ValueError(
                f"{said!r} names nothing: say which law or need it is, or null (necessity: false) for none"
            )
        return said


class Processing(PolicyModel):
    """Block 2: what is done."""

    kind: Kind
    individuals: StrictBool | None = None
    profiling: StrictBool | None = None
    significant_effect: StrictBool | None = None
    channels: tuple[Channel, ...] = ()


class DataSource(PolicyModel):
    """Block 3: what data, from where, about whom."""

    categories: tuple[str, ...] = Field(min_length=1)
    origin: Origin | None = None
    existing_relationship: StrictBool | None = None
    obtained_in_sale: StrictBool | None = None
    electronic_communications: StrictBool | None = None
    # The youngest people it is about, where that is known, and where they live (anywhere unless given).
    youngest: int | None = Field(default=None, ge=0, le=120)
    countries: tuple[Country, ...] = ()


class Transfer(PolicyModel):
    """Block 4, one recipient: who, what they are to us, where, and what carries the transfer."""

    recipient: str = Field(min_length=1)
    relation: Relation
    country: Country | None = None
    mechanism: Mechanism = Mechanism.NONE
    # A recipient without whom the contract could not be performed, such as a carrier.
    necessary_for_contract: StrictBool = False


class UseCase(PolicyModel):
    """What somebody wants to do with data. Four blocks decide; the rest says who answers and how people are asked."""

    purpose: UseCasePurpose
    processing: Processing
    source: DataSource
    transfers: tuple[Transfer, ...]

    owners: Owners = Owners()
    # The purpose of purposes.yml under which people are asked, and may object; None where nobody is asked.
    asked_as: Name | None = None
    # How consents will be captured, and what will be done with them: consent without both is refused (S10).
    capture_plan: str | None = None
    activation_plan: str | None = None
    # Why our interest outweighs theirs, in a sentence (GDPR 6(1)(f), S23).
    balancing: str | None = None

    @cached_property
    def version(self) -> str:
        """Return a short digest of the four blocks: what is signed."""
        blocks = self.model_dump(mode="json", include={"purpose", "processing", "source", "transfers"})
        return hashlib.sha256(json.dumps(blocks, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def is_signed(self) -> bool:
        """True where both owners have signed this version; otherwise it is a draft, and drafts don't run."""
        return self.owners.signed(self.version)

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> "UseCase":
        """Name every contradiction between the blocks."""
        if wrong := list(_contradictions(self)):
            raise ValueError("; ".join(wrong))
        return self


def _contradictions(use_case: UseCase) -> list[str]:
    """Return what cannot be true at once."""
    purpose, processing, source = use_case.purpose, use_case.processing, use_case.source
    about_nobody = processing.individuals is False
    kind = processing.kind
    return [
        what
        for holds, what in (
            (
                about_nobody and processing.channels,
                f"processing.individuals is false, yet people are reached by {', '.join(processing.channels)}:"
                " drop the channels, or say individuals: true",
            ),
            (
                about_nobody and kind in (Kind.CONTACT, Kind.SCORE, Kind.AUTOMATED_DECISION),
                f"processing.individuals is false, yet to {kind.replace('_', ' ')} is to single people out:"
                " say individuals: true, or another kind (report, train, segment)",
            ),
            (
                about_nobody and (processing.profiling or processing.significant_effect),
                "processing.individuals is false, yet somebody is profiled or affected: say individuals: true",
            ),
            (
                kind is Kind.CONTACT and not processing.channels,
                "processing.kind is contact, yet no channel is named: say which (email, post, branch ...)",
            ),
            (
                purpose.necessary_for_contract and purpose.product is Product.THIRD_PARTY,
                "purpose.necessary_for_contract with product: third_party: a contract with us does not need"
                " somebody else's product; say necessary_for_contract: false",
            ),
            (
                kind is Kind.SELL and not use_case.transfers,
                "processing.kind is sell, yet transfers names no buyer: name every recipient",
            ),
            (
                source.obtained_in_sale and source.existing_relationship is False,
                "source.obtained_in_sale is true, yet existing_relationship is false: who bought is a customer",
            ),
            (
                source.obtained_in_sale and source.origin is Origin.THIRD_PARTY,
                "source.obtained_in_sale is true, yet origin is third_party: bought data is not from a sale of ours",
            ),
        )
        if holds
    ]


class Controller(PolicyModel):
    """Who decides why and how data is used (GDPR Art. 4(7), 30(1)(a))."""

    name: str
    kind: Literal["company", "public_body"] = "company"
    industry: str = "other"
    country: Country
    contact: str
    data_protection_officer: str
