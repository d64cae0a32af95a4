"""The policy as frozen types. A word they do not know is a fault, never ignored."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from trustmart.policy.base import Country, Name, PolicyModel
from trustmart.policy.hierarchies import HierarchyRule
from trustmart.policy.releases import Release
from trustmart.policy.use_cases import Controller, UseCase


class Role(StrEnum):
    """What a column can do to a person (ANONYMITY: the literature's four roles)."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    INSENSITIVE = "insensitive"


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
    """What people are asked and may object to. By what right it is pursued is decided, use case by use case."""

    title: str
    data_use: str
    valid_for_days: int | None = Field(default=None, gt=0, le=36_500)
    objections: tuple[Name, ...] = ()
    minimum_age: int | None = Field(default=None, ge=0, le=21)


class DestinationPolicy(PolicyModel):
    """A place that accepts audiences, and what may leave towards it.

    recipient: whose place it is, as the transfers of use cases name them; our own unless given.
    """

    kind: Literal["file"]
    folder: str
    recipient: str | None = None
    may_receive: tuple[Name, ...] = Field(min_length=1)


class Audience(PolicyModel):
    """A personal mart that is published: for which use case, to whom, with which columns."""

    title: str
    use_case: Name
    destination: Name
    columns: tuple[Name, ...] = Field(min_length=1)


class Score(PolicyModel):
    """A personal mart that applies to people what was learned from an anonymized one: a crossing (S15, S16)."""

    title: str
    use_case: Name
    learned_from: Name
    learned_for: Name


class Jurisdiction(PolicyModel):
    """What differs by country."""

    age_of_digital_consent: int = Field(ge=13, le=18)
    source: str
    unverified: bool = False


class Adequacy(PolicyModel):
    """The Commission's decision that a country protects data as the EEA does (GDPR Art. 45)."""

    source: str
    unverified: bool = False


class Policy(PolicyModel):
    """All of policy/*.yml, and the version it was read at.

    known_salts: texts with which anybody here has ever hashed identifiers; the gate hashes with them too.
    """

    version: str
    attributes: dict[Name, Attribute]
    known_salts: tuple[str, ...] = ()
    sources: dict[Name, Source]
    controller: Controller
    use_cases: dict[Name, UseCase]
    purposes: dict[Name, Purpose]
    hierarchies: dict[Name, HierarchyRule] = Field(default_factory=dict)
    releases: dict[Name, Release]
    destinations: dict[Name, DestinationPolicy]
    audiences: dict[Name, Audience]
    scores: dict[Name, Score]
    jurisdictions: dict[Country, Jurisdiction]
    default_age_of_digital_consent: int = Field(ge=13, le=21)
    eea: frozenset[Country]
    adequacy: dict[Country, Adequacy]
    live_calls_without_consent: frozenset[Country]

    @property
    def personal_marts(self) -> Mapping[str, Audience | Score]:
        """Return every mart that holds people, by name."""
        return {**self.audiences, **self.scores}

    def age_of_digital_consent(self, country: str | None) -> int:
        """Return the age from which a person of this country may consent; the strictest where it is unknown."""
        jurisdiction = self.jurisdictions.get(country or "")
        return jurisdiction.age_of_digital_consent if jurisdiction else self.default_age_of_digital_consent
