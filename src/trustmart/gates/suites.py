"""Which expectations a mart must meet: read from the policy, so nobody writes a suite by hand."""

from trustmart.gates.attack_requirements import attack_requirements
from trustmart.gates.identifier_requirements import hierarchies
from trustmart.gates.identifiers import known_identifiers
from trustmart.gates.requirement import Memory, Requirement
from trustmart.policy import Policy, Role

_NO_MEMORY = Memory()

__all__ = ["Memory", "Requirement", "requirements"]


def requirements(policy: Policy, mart: str, memory: Memory = _NO_MEMORY) -> list[Requirement]:
    """Return everything that a mart must meet before anyone may read it, the attacks last."""
    release = policy.releases[mart]
    # Noisy figures stand for nobody in particular, however small they are: what they cost is in the ledger.
    return [
        *([] if release.noise else [_k_anonymity(policy, mart)]),
        _listed_columns(policy, mart),
        *_labels(policy, mart),
        _no_identifiers(policy, mart),
        *([] if release.noise else [_suppression(policy, mart)]),
        *attack_requirements(policy, mart, memory),
    ]


def _k_anonymity(policy: Policy, mart: str) -> Requirement:
    """Nobody stands out."""
    release = policy.releases[mart]
    columns = list(release.keys)
    return Requirement(
        expectation="ExpectTableToBeKAnonymous",
        check="k_anonymity",
        arguments={
            "mart": mart,
            "columns": columns,
            "class_size": release.class_size,
            "minimum_class_size": release.minimum_class_size,
        },
        description=(
            f"Every combination of {', '.join(columns)} stands in one row and is shared by at least"
            f" {release.minimum_class_size} people ({release.class_size or 'rows'}); nulls count as values."
        ),
    )


def _listed_columns(policy: Policy, mart: str) -> Requirement:
    """Unknown is restricted."""
    release = policy.releases[mart]
    return Requirement(
        expectation="ExpectOnlyListedColumns",
        check="listed_columns",
        arguments={
            "mart": mart,
            "columns": list(release.columns),
            "figures": [*([release.class_size] if release.class_size else []), *release.figures],
        },
        description=(f"It has these columns and no other, and its figures are figures: {', '.join(release.columns)}."),
    )


def _labels(policy: Policy, mart: str) -> list[Requirement]:
    """No label is finer than its hierarchy."""
    return [
        Requirement(
            expectation="ExpectColumnValuesToStayWithinHierarchy",
            check="labels_of_hierarchy",
            arguments={
                "mart": mart,
                "column": column,
                "hierarchy": hierarchy,
                "totals": bool(policy.releases[mart].margins),
                "level": policy.releases[mart].coarser.get(column, ("", "", ""))[2],
            },
            description=f"Every {column} is a label of the hierarchy {hierarchy}, or 'unknown'.",
        )
        for column, hierarchy in _hierarchies(policy, mart).items()
        if not policy.releases[mart].is_microdata  # those are declared in policy, and attacked (G0)
    ]


def _no_identifiers(policy: Policy, mart: str) -> Requirement:
    """Hashing is not anonymization."""
    direct = [name for name, attribute in policy.attributes.items() if attribute.role is Role.DIRECT_IDENTIFIER]
    return Requirement(
        expectation="ExpectNoDirectIdentifiers",
        check="no_direct_identifiers",
        arguments={
            "mart": mart,
            "identifiers": direct,
            "known_in": [identifier.as_list() for identifier in known_identifiers(policy)],
            "hierarchies": _hierarchies(policy, mart),
        },
        description=(
            f"No column is named after, holds, hashes or resembles a direct identifier ({', '.join(direct)},"
            " subject_id, full names), compared with everybody in the restricted zone."
        ),
    )


def _suppression(policy: Policy, mart: str) -> Requirement:
    """A mart of few stands for few."""
    release = policy.releases[mart]
    return Requirement(
        expectation="ExpectFewPeopleToBeSuppressed",
        check="suppression",
        arguments={
            "mart": mart,
            "class_size": release.class_size,
            "maximum_suppressed": release.maximum_suppressed,
        },
        description=f"At most {release.maximum_suppressed:.0%} of the people were left out to protect them.",
    )


def _hierarchies(policy: Policy, mart: str) -> dict[str, str]:
    """Return the published columns whose labels are a seed's, and which; microdata's are built from policy alone."""
    return {} if policy.releases[mart].is_microdata else hierarchies(policy, mart)
