"""Learned marts in the night: made after their teacher, measured against raw data, and applied to people by labels."""

from dataclasses import replace

from trustmart.anonymizing.labelling import label_everybody, one_row_per_label
from trustmart.anonymizing.learned import make_learned
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.words import literal, quoted
from trustmart.errors import ReleaseFault
from trustmart.lineage import LABELLED, Manifest
from trustmart.pipeline.context import Context
from trustmart.pipeline.epochs import epoch_of
from trustmart.pipeline.learned_utility import utility_of
from trustmart.policy import Learned, Release
from trustmart.warehouse import CANDIDATE_SCHEMA, DOOR_SCHEMA, Session

_COLUMNS = "subject_id varchar, use_case varchar, mart varchar, feature varchar, label varchar"


def make_learned_mart(context: Context, session: Session, release: Release, records: str, target: str) -> Made:
    """Learn a mart from its teacher's candidate of tonight; raises ReleaseFault where there is none."""
    asked = _asked(release)
    if not session.columns("restricted", asked.learned_from, schema=CANDIDATE_SCHEMA):
        raise ReleaseFault([f"{asked.learned_from}, which it is learned from, was not made tonight"])
    made = make_learned(session, release=release, records=records, target=target)
    return replace(made, facts={**made.facts, "utility": utility_of(context, session, asked)})


def label_people(context: Context, session: Session, manifest: Manifest, *, made: set[str]) -> None:
    """Tell every score's people by the labels that its model knows: (subject_id, use_case, mart, feature, label).

    The recoding is the one that the model was learned with tonight. made: the marts that there are; for the others
    nobody is labelled. Only people who are permitted for the score's own use case are.
    """
    session.run(f"create or replace table restricted.{LABELLED} ({_COLUMNS})")
    model = next((model for model in manifest.models.values() if model.name == LABELLED), None)
    for score in context.policy.scores.values():
        learned = context.policy.releases[score.learned_from].learned
        if model is None or learned is None or score.learned_from not in made:
            continue
        records = f"restricted.{DOOR_SCHEMA}.{quoted(f'{score.use_case}__people')}"
        session.run(
            f"create or replace view {records} as"
            f" select * from ({model.sql}) where use_case = {literal(score.use_case)}"
        )
        _label(context, session, learned, records)
        session.run(
            f"insert into restricted.{LABELLED} select subject_id, ?, ?, feature, label"
            f" from ({one_row_per_label('labelled_people', learned.features)})",
            [score.use_case, score.learned_from],
        )
        session.run("drop table labelled_people")


def _label(context: Context, session: Session, learned: Learned, records: str) -> None:
    """Tell people by the recoding of the mart that the model was learned from."""
    teacher = context.policy.releases[learned.learned_from]
    if (epoch := epoch_of(context, learned.learned_from)) is None:
        raise ReleaseFault([f"{learned.learned_from} has no recoding to tell people by"])
    if stray := [feature for feature in learned.features if feature not in teacher.quasi_identifiers]:
        raise ReleaseFault([f"people are not told by {', '.join(stray)}: a model that is applied has no such feature"])
    label_everybody(
        session,
        records=records,
        columns={feature: teacher.quasi_identifiers[feature] for feature in learned.features},
        rules=context.policy.hierarchies,
        epoch=epoch,
        target="labelled_people",
    )


def _asked(release: Release) -> Learned:
    """Return what is asked; the caller has looked that there is something."""
    if release.learned is None:
        raise ReleaseFault(["learned is missing"])
    return release.learned
