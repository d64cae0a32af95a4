"""Which attacks a learned mart must withstand."""

from collections.abc import Iterator

from trustmart.gates.requirement import Requirement
from trustmart.policy import Learned, Policy


def requirements_of_learned(policy: Policy, mart: str, learned: Learned) -> Iterator[Requirement]:
    """Yield what a mart must meet that is learned from another mart's rows.

    Its labels are its teacher's, row by row, or it is held; they were looked up among hashes with the teacher.
    """
    release, asked = policy.releases[mart], learned.model_dump(mode="json")
    minimum = release.minimum_class_size
    yield Requirement(
        expectation="ExpectNothingButWhatWasLearned",
        check="learned_rows",
        arguments={
            "mart": mart,
            "learned": asked,
            "class_size": release.class_size,
            "minimum_class_size": minimum,
        },
        description=f"Its rows are what {learned.learned_from} teaches tonight and no others; it is learned once more.",
    )
    yield Requirement(
        expectation="ExpectNobodyToBeRemembered",
        check="membership_of_learned",
        arguments={
            "mart": mart,
            "learned": asked,
            "columns": list(policy.releases[learned.learned_from].quasi_identifiers),
            "minimum_class_size": minimum,
        },
        description="What is learned from half of the people fits them no better than the other half.",
    )
