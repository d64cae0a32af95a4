"""What each model is allowed to be, by policy: a step, a mart of classes, records for the door, a personal mart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trustmart.lineage import rules
from trustmart.lineage.manifest import Manifest, Model
from trustmart.policy import Learned, Policy, Release


class Kind(StrEnum):
    """What is asked of a model."""

    STEP = "step"  # nothing but that its lineage can be told
    CLASSES = "classes"  # an anonymized mart whose own SQL groups people
    RECORDS = "records"  # an anonymized mart that trusted code makes of one record per person or event
    LEARNED = "learned"  # an anonymized mart that trusted code learns from another one's anonymized rows
    LABELS = "labels"  # people's labels, for scores to apply what was learned
    PERSONAL = "personal"  # people who are permitted for its use case
    SCORES = "scores"  # a personal mart that applies what was learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A column that policy lets a mart publish. hierarchy: whose labels it shows. is_figure: it is a measure."""

    attribute: str | None
    hierarchy: str | None = None
    is_figure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What policy lets one model publish.

    people: the column that counts them. least: how many people a row stands for at least. use_case: of a personal mart.
    teacher: the mart that is learned from. figure: the column that says what was learned.
    """

    kind: Kind
    columns: Mapping[str, Published] = field(default_factory=dict)
    people: str | None = None
    least: int = 0
    use_case: str = ""
    teacher: str = ""
    figure: str = ""

    @property
    def attributes(self) -> frozenset[str]:
        """Return every attribute that it may show in some form."""
        return frozenset(column.attribute for column in self.columns.values() if column.attribute)


def publications(manifest: Manifest, policy: Policy) -> dict[str, Publication]:
    """Return what is asked of every model, by unique id."""
    return {key: _publication(model, policy) for key, model in manifest.models.items()}


def _publication(model: Model, policy: Policy) -> Publication:
    """Return what is asked of one model; a mart that no policy knows may publish nothing."""
    in_anonymized = model.zone == "anonymized_candidate" or f"{model.folder}/".startswith("models/marts/anonymized/")
    if model.name in policy.releases or in_anonymized:
        return _anonymized(model, policy)
    mart = policy.personal_marts.get(model.name)
    if mart is not None or model.zone == "personal":
        kind = Kind.SCORES if model.name in policy.scores else Kind.PERSONAL
        return Publication(kind=kind, use_case=mart.use_case if mart is not None else "")
    return Publication(kind=Kind.LABELS if model.name == rules.LABELLED else Kind.STEP)


def _anonymized(model: Model, policy: Policy) -> Publication:
    """Return what a release lets through."""
    release = policy.releases.get(model.name)
    if release is None:
        return Publication(kind=Kind.CLASSES, least=2)
    if release.learned is not None:
        return _learned(release, release.learned, policy)
    is_records = model.materialized == "door" or release.tier is not None
    columns = {
        name: Published(attribute=column.attribute, hierarchy=column.hierarchy)
        for name, column in {**release.quasi_identifiers, **release.publish}.items()
    }
    columns |= {name: Published(attribute=one.attribute, is_figure=True) for name, one in release.measures.items()}
    columns |= {name: Published(attribute=one.attribute or name) for name, one in release.sensitive.items()}
    return Publication(
        kind=Kind.RECORDS if is_records else Kind.CLASSES,
        columns=columns,
        people=release.class_size,
        least=release.minimum_class_size,
    )


def _learned(release: Release, learned: Learned, policy: Policy) -> Publication:
    """Return what a mart may learn from: columns of its teacher, made from the attributes that it names."""
    teacher = policy.releases[learned.learned_from]
    origins = {name: column.attribute for name, column in {**teacher.quasi_identifiers, **teacher.publish}.items()}
    origins |= {name: one.attribute or name for name, one in teacher.sensitive.items()}
    return Publication(
        kind=Kind.LEARNED,
        columns={name: Published(attribute=origins[name]) for name in learned.columns_learned_from},
        people=release.class_size,
        least=release.minimum_class_size,
        teacher=learned.learned_from,
        figure=learned.figure,
    )
