"""What a mart must withstand that concerns identifiers: hashed, written in another way, as figures, named in texts."""

from trustmart.gates.identifiers import raw_tables
from trustmart.gates.requirement import Requirement, requirement
from trustmart.policy import Policy, Role


def identifier_requirements(policy: Policy, mart: str) -> list[Requirement]:
    """Return the attacks with everybody's identifiers, which every mart must withstand."""
    return [_rehashed(policy, mart), _rewritten(policy, mart), _numbers(policy, mart), names_requirement(policy, mart)]


def _rehashed(policy: Policy, mart: str) -> Requirement:
    """A hash of a known value is that value."""
    return requirement(
        "ExpectNoRehashedIdentifiers",
        "rehashed",
        "No value is a known identifier or name, hashed, salted with a salt of policy, encoded, cut or reversed.",
        mart=mart,
        known_in=[*_identifiers(policy), *_full_names(policy)],
        hierarchies=hierarchies(policy, mart),
        salts=list(policy.known_salts),
    )


def _rewritten(policy: Policy, mart: str) -> Requirement:
    """An identifier in another writing is that identifier."""
    return requirement(
        "ExpectNoRewrittenIdentifiers",
        "rewritten",
        "No text, and no two columns of a row together, is somebody's identifier or name but for how it is written.",
        mart=mart,
        known_in=[*_identifiers(policy, with_streets=True), *_full_names(policy)],
        # Microdata's labels are held wherever they are unknown to their hierarchy (declared_labels).
        hierarchies=hierarchies(policy, mart),
    )


def _numbers(policy: Policy, mart: str) -> Requirement:
    """A figure is no number of a person."""
    return requirement(
        "ExpectFiguresToBeNobodysNumber",
        "numbers_of_people",
        "Figures equal customers' numbers and phones no more often than by chance.",
        mart=mart,
        known_in=[place for place in _identifiers(policy) if not _is_email(policy, place[1])],
    )


def names_requirement(policy: Policy, mart: str) -> Requirement:
    """Texts name nobody."""
    return requirement(
        "ExpectTextsToNameNobody",
        "names_in_text",
        "No text holds the full name of anybody in the CRM, and no column is a list of names.",
        mart=mart,
        known_in=_full_names(policy),
        hierarchies=hierarchies(policy, mart),
    )


def _identifiers(policy: Policy, *, with_streets: bool = False) -> list[list[str]]:
    """Return (raw table, column) of every direct identifier that is neither a name nor a free text."""
    known = []
    for raw, table in raw_tables(policy):
        for column in table.columns:
            attribute = policy.attributes[column]
            kinds = ("user.name",) if with_streets else ("user.name", "user.contact.address")
            is_other = attribute.category.startswith(kinds) or attribute.free_text
            if attribute.role is Role.DIRECT_IDENTIFIER and not is_other:
                known.append([raw, column])
            if attribute.contact_point == "email":
                known.append([raw, "email_normalized"])
    return known


def _is_email(policy: Policy, column: str) -> bool:
    """Return whether a raw column holds e-mail addresses."""
    return column == "email_normalized" or policy.attributes[column].contact_point == "email"


def _full_names(policy: Policy) -> list[list[str]]:
    """Return (raw table, given name, surname) of every table that has both."""
    known = []
    for raw, table in raw_tables(policy):
        parts = {policy.attributes[column].category: column for column in table.columns}
        if "user.name.first" in parts and "user.name.last" in parts:
            known.append([raw, parts["user.name.first"], parts["user.name.last"]])
    return known


def hierarchies(policy: Policy, mart: str) -> dict[str, str]:
    """Return the published columns that have a hierarchy, and which."""
    published = policy.releases[mart].quasi_identifiers.items()
    return {column: origin.hierarchy for column, origin in published if origin.hierarchy}
