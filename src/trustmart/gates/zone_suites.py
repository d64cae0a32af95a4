"""Which expectations the restricted and the personal zone must meet: read from the policy."""

from trustmart.gates.identifiers import raw_tables
from trustmart.gates.requirement import Requirement, requirement
from trustmart.policy import Audience, Policy, Score

# A destination's wire formats are made at the send, from these columns.
MADE_AT_SEND = {"email_sha256": "email_normalized"}
BATCHES = "batches"


def restricted_requirements(policy: Policy) -> dict[str, list[Requirement]]:
    """Return what must be true of what came in, by table; whatever fails there holds everything."""
    return {
        BATCHES: [
            requirement(
                "ExpectRowsToAddUp",
                "rows_add_up",
                "Every row that was delivered was loaded, or is in quarantine with a reason.",
                mart=BATCHES,
            )
        ]
    } | {
        raw: [
            requirement(
                "ExpectRowsToNameTheirSubject",
                "rows_name_their_subject",
                "Every row is somebody's, so that it can be erased with them.",
                mart=raw,
            )
        ]
        for raw, _ in raw_tables(policy)
    }


def personal_requirements(policy: Policy, name: str) -> list[Requirement]:
    """Return what a personal mart must meet: an audience, or a score."""
    mart: Audience | Score = policy.personal_marts[name]
    free = [one for one, attribute in policy.attributes.items() if attribute.free_text]
    sent = [MADE_AT_SEND.get(column, column) for column in mart.columns] if isinstance(mart, Audience) else []
    return [
        requirement(
            "ExpectColumnsThatMayBeSent",
            "sent_columns",
            "What policy sends is there, and nothing that somebody wrote about a person.",
            mart=name,
            columns=sent,
            free_text=free,
        ),
        requirement(
            "ExpectOneRowPerPerson", "one_row_per_person", "Every row names somebody, and nobody twice.", mart=name
        ),
        requirement(
            "ExpectRowsToBePermitted",
            "permitted_rows",
            f"Every row has a permission for {mart.use_case} that stands now.",
            mart=name,
            use_case=mart.use_case,
        ),
    ]
