"""What one policy file says about another must be true."""

from collections.abc import Iterator

from trustmart.policy.models import Policy, PublishedColumn, Role
from trustmart.policy.vocabulary import data_categories, data_uses

Fault = tuple[tuple[str | int, ...], str]

# Columns the pipeline makes itself at the send: a destination's wire formats.
WIRE_COLUMNS = {"email_sha256": "email"}


def faults_between(policy: Policy) -> list[Fault]:
    """Return every place where the files disagree, as (place, what is wrong)."""
    return [
        *_unknown_vocabulary(policy),
        *_unmapped_attributes(policy),
        *_sources_without_identity(policy),
        *_releases_beyond_policy(policy),
        *_audiences_beyond_policy(policy),
    ]


def _unknown_vocabulary(policy: Policy) -> Iterator[Fault]:
    """Data categories and uses are fideslang's words."""
    for name, attribute in policy.attributes.items():
        if attribute.category not in data_categories():
            yield ("attributes", name, "category"), f"{attribute.category!r} is not a fideslang data category"
    for name, purpose in policy.purposes.items():
        if purpose.data_use not in data_uses():
            yield ("purposes", name, "data_use"), f"{purpose.data_use!r} is not a fideslang data use"


def _unmapped_attributes(policy: Policy) -> Iterator[Fault]:
    """Unknown is restricted: a column without a role is a fault, not a guess."""
    for source_name, source in policy.sources.items():
        for table_name, table in source.tables.items():
            for column in table.columns:
                if column not in policy.attributes:
                    place = ("sources", source_name, "tables", table_name, "columns", column)
                    yield place, "attributes.yml gives this column no role"


def _sources_without_identity(policy: Policy) -> Iterator[Fault]:
    """Every row belongs to a person, found by the customer's number."""
    for source_name, source in policy.sources.items():
        for table_name, table in source.tables.items():
            if not table.columns[table.subject].required:
                place = ("sources", source_name, "tables", table_name, "columns", table.subject)
                yield place, "the subject's column must be required: a row of nobody can be neither kept nor erased"


def _releases_beyond_policy(policy: Policy) -> Iterator[Fault]:
    """What is published comes from attributes that may be, and never from a direct identifier."""
    for name, release in policy.releases.items():
        for block, columns in (("quasi_identifiers", release.quasi_identifiers), ("measures", release.measures)):
            for column, published in columns.items():
                for what in _faults_of_published(policy, published, labels=block == "quasi_identifiers"):
                    yield ("releases", name, block, column), what
        if len(set(release.columns)) != len(release.columns):
            yield ("releases", name), "a column is listed twice"
        for column in release.columns:
            origin = policy.attributes.get(column)
            if origin is not None and origin.role is Role.DIRECT_IDENTIFIER:
                yield ("releases", name), f"{column!r} is the name of a direct identifier"


def _faults_of_published(policy: Policy, published: PublishedColumn, *, labels: bool) -> Iterator[str]:
    """Say what keeps one column from being published."""
    origin = policy.attributes.get(published.attribute)
    if origin is None:
        yield f"{published.attribute!r} is not in attributes.yml"
    elif origin.role is Role.DIRECT_IDENTIFIER or origin.free_text:
        yield f"{published.attribute!r} is a direct identifier or free text and never enters the anonymized zone"
    elif (
        labels
        and published.hierarchy is None
        and _is_text(policy, published.attribute)
        and (origin.role is not Role.INSENSITIVE)
    ):
        yield f"{published.attribute!r} is text about a person: name the hierarchy whose labels stand for it"


def _is_text(policy: Policy, attribute: str) -> bool:
    """True where any source delivers the attribute as text."""
    tables = (table for source in policy.sources.values() for table in source.tables.values())
    return any(table.columns[attribute].type == "text" for table in tables if attribute in table.columns)


def _audiences_beyond_policy(policy: Policy) -> Iterator[Fault]:
    """An audience serves a known purpose and sends no more than its destination may receive."""
    for name, audience in policy.audiences.items():
        purpose = policy.purposes.get(audience.purpose)
        destination = policy.destinations.get(audience.destination)
        if purpose is None:
            yield ("audiences", name, "purpose"), f"{audience.purpose!r} is not in purposes.yml"
        elif not name.startswith(f"aud_{audience.purpose}__"):
            yield ("audiences", name), f"must be named aud_{audience.purpose}__<segment>"
        if destination is None:
            yield ("audiences", name, "destination"), f"{audience.destination!r} is not a destination"
            continue
        for column in audience.columns:
            if column not in destination.may_receive:
                yield ("audiences", name, "columns"), f"{audience.destination} may not receive {column!r}"
    for name, destination in policy.destinations.items():
        for column in destination.may_receive:
            origin = policy.attributes.get(WIRE_COLUMNS.get(column, column))
            if origin is None or origin.free_text:
                yield ("destinations", name, "may_receive"), f"{column!r} is no attribute that can leave"
