"""What the company may do with which data: typed, frozen, read from policy/*.yml."""

from trustmart.policy.load import load_policy
from trustmart.policy.models import (
    Attribute,
    Audience,
    Column,
    DestinationPolicy,
    Jurisdiction,
    LegalBasis,
    Location,
    Policy,
    PublishedColumn,
    Purpose,
    Release,
    Role,
    Source,
    Table,
)

__all__ = [
    "Attribute",
    "Audience",
    "Column",
    "DestinationPolicy",
    "Jurisdiction",
    "LegalBasis",
    "Location",
    "Policy",
    "PublishedColumn",
    "Purpose",
    "Release",
    "Role",
    "Source",
    "Table",
    "load_policy",
]
