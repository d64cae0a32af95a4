"""The policy as frozen types. A word they do not know is a fault, never ignored."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

NAME = r"[a-z][a-z0-9_]*"


def _is_name(text: str) -> str:
    """Refuse a name that SQL would have to quote."""
    if not re.fullmatch(NAME, text):
        raise ValueError("a name has small letters, digits and underscores, and starts with a letter")
    return text


def _is_country(text: str) -> str:
    """Refuse what is not written as countries are in the CRM's rows; it would never match one."""
    if not re.fullmatch("[A-Z]{2}", text):
        raise ValueError("a country is two capital letters (ISO 3166-1 alpha-2)")
    return text


Name = Annotated[str, AfterValidator(_is_name)]
Country = Annotated[str, AfterValidator(_is_country)]


class PolicyModel(BaseModel):
    """Frozen, and knows every word it accepts."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Role(StrEnum):
    """What a column can do to a person (ANONYMITY: the literature's four roles)."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    INSENSITIVE = "insensitive"


class LegalBasis(StrEnum):
    """By what right a purpose is pursued."""

    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CONSENT = "consent"
    EXPLICIT_CONSENT = "explicit_consent"

    @property
    def needs_consent(self) -> bool:
        """True where nothing is permitted until the person has said yes."""
        return self in (LegalBasis.CONSENT, LegalBasis.EXPLICIT_CONSENT)


class Attribute(PolicyModel):
    """What a column means, wherever it stands."""

    category: str
    role: Role
    free_text: bool = False
    contact_point: Literal["email"] | None = None


class Column(PolicyModel):
    """How one column of a source becomes one of ours."""

    source_name: str = Field(alias="from")
    type: Literal["text", "date", "timestamp", "integer", "decimal", "boolean"] = "text"
    required: bool = False
    optional: bool = False
    not_before: date | None = None
    not_after: date | Literal["as_of"] | None = None


class Table(PolicyModel):
    """One table of a source: what it is called there, what a row is, how it is recognised."""

    source_name: str = Field(alias="from")
    key: tuple[Name, ...] = Field(min_length=1)
    subject: Name = "customer_id_crm"
    watermark: Name | None = None
    lookback_days: int = Field(default=3, ge=0)
    columns: dict[Name, Column]

    @model_validator(mode="after")
    def _names_its_own_columns(self) -> "Table":
        """Refuse a key, subject or watermark that is not among the columns."""
        named = {*self.key, self.subject, *([self.watermark] if self.watermark else [])}
        if unknown := sorted(named - set(self.columns)):
            raise ValueError(f"key, subject or watermark names a column that is not mapped: {', '.join(unknown)}")
        if self.watermark and self.columns[self.watermark].type not in ("timestamp", "date"):
            raise ValueError(f"the watermark {self.watermark} must be a timestamp or a date")
        return self


class Location(PolicyModel):
    """Where a CRM is. Secrets are named by their environment variable, never written here."""

    kind: Literal["csv", "parquet", "database"]
    folder: str | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: str = "utf-8"
    url_env: str | None = None
    database_schema: str | None = None

    @model_validator(mode="after")
    def _says_where(self) -> "Location":
        """Files need a folder; a database needs the variable that holds its URL."""
        if self.kind == "database" and (not self.url_env or self.folder):
            raise ValueError("a database location needs url_env (the variable that holds its URL) and no folder")
        if self.kind != "database" and (not self.folder or self.url_env):
            raise ValueError(f"a {self.kind} location needs a folder and no url_env")
        return self


class Source(PolicyModel):
    """A CRM: where it is and how its tables map onto ours."""

    location: Location
    tables: dict[Name, Table] = Field(min_length=1)


class Purpose(PolicyModel):
    """Why data is used, by what right, and what ends it."""

    title: str
    data_use: str
    legal_basis: LegalBasis
    valid_for_days: int | None = Field(default=None, gt=0, le=36_500)
    objections: tuple[Name, ...] = ()
    channel: Literal["email", "sms", "push", "post", "phone", "partner"]
    minimum_age: int | None = Field(default=None, ge=0, le=21)

    @model_validator(mode="after")
    def _can_be_ended(self) -> "Purpose":
        """Consent must run out; legitimate interest must have an objection route (GDPR 7(3), 21)."""
        if self.legal_basis.needs_consent and self.valid_for_days is None:
            raise ValueError("a purpose based on consent needs valid_for_days: consent does not last for ever")
        if self.legal_basis is LegalBasis.LEGITIMATE_INTEREST and not self.objections:
            raise ValueError("legitimate interest needs at least one objection scope: people must be able to opt out")
        if self.legal_basis is LegalBasis.LEGITIMATE_INTEREST and self.channel in ("email", "sms", "push"):
            raise ValueError(
                "legitimate interest does not carry marketing over electronic channels (ePrivacy 13(1)):"
                " take post or phone, or ask for consent"
            )
        return self


class PublishedColumn(PolicyModel):
    """A published column: the attribute it comes from, and the hierarchy whose labels it may show."""

    attribute: Name = Field(alias="from")
    hierarchy: Name | None = None


class Release(PolicyModel):
    """What an anonymized mart must prove before anyone may read it."""

    title: str
    minimum_class_size: int = Field(ge=2)
    maximum_suppressed: float = Field(gt=0, le=1)
    class_size: Name
    quasi_identifiers: dict[Name, PublishedColumn] = Field(min_length=1)
    measures: dict[Name, PublishedColumn] = Field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every column the mart may publish."""
        return (*self.quasi_identifiers, self.class_size, *self.measures)


class DestinationPolicy(PolicyModel):
    """A place that accepts audiences, and what may leave towards it."""

    kind: Literal["file"]
    folder: str
    may_receive: tuple[Name, ...] = Field(min_length=1)


class Audience(PolicyModel):
    """A personal mart that is published: for which purpose, to whom, with which columns."""

    title: str
    purpose: Name
    destination: Name
    columns: tuple[Name, ...] = Field(min_length=1)


class Jurisdiction(PolicyModel):
    """What differs by country."""

    age_of_digital_consent: int = Field(ge=13, le=18)
    source: str
    unverified: bool = False


class Policy(PolicyModel):
    """All of policy/*.yml, and the version it was read at."""

    version: str
    attributes: dict[Name, Attribute]
    sources: dict[Name, Source]
    purposes: dict[Name, Purpose]
    releases: dict[Name, Release]
    destinations: dict[Name, DestinationPolicy]
    audiences: dict[Name, Audience]
    jurisdictions: dict[Country, Jurisdiction]
    default_age_of_digital_consent: int = Field(ge=13, le=21)

    def age_of_digital_consent(self, country: str | None) -> int:
        """Return the age from which a person of this country may consent; the strictest where it is unknown."""
        jurisdiction = self.jurisdictions.get(country or "")
        return jurisdiction.age_of_digital_consent if jurisdiction else self.default_age_of_digital_consent
