"""What a learned mart is worth: the same learning on raw rows, judged on the same people whom neither has seen.

People are parted by a digest of their name, inside the restricted zone; only the figures leave it. Both sides learn
from the same half: one from its people's anonymized rows (of those who are published), one from their raw values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trustmart.anonymity.learning import NO_LABEL, Profiles, area_under_curve, learn_centroids, learn_propensity
from trustmart.anonymizing.labelling import label_everybody
from trustmart.anonymizing.words import listed, quoted
from trustmart.errors import TableUnfit
from trustmart.pipeline.context import Context
from trustmart.pipeline.epochs import epoch_of
from trustmart.policy import Learned, Release
from trustmart.warehouse import DOOR_SCHEMA, Session

# Of the digests of people's names, which are even, this is the lower half.
LEARNS = "md5(subject_id) < '8'"


@dataclass(frozen=True, kw_only=True)
class _Half:
    """People of one half: their labels as published, and their raw values, profile by profile."""

    labelled: Profiles
    raw: Profiles


def utility_of(context: Context, session: Session, asked: Learned) -> dict[str, Any] | None:
    """Return {measure, raw, published, loss} as floats: the AUC of a model, or the variance that clusters explain.

    None where a half has too few people to be learned from, so that nothing can be compared.
    """
    rows = _rows(context, session, asked)
    names = asked.columns_learned_from
    published = [row for row in rows if row[-3] and row[-2]]
    learning, held_out = [row for row in rows if row[-3]], [row for row in rows if not row[-3]]
    least = context.policy.releases[asked.learned_from].minimum_class_size
    if min(_people(published), _people(held_out)) < 2 * least:
        return None
    seen = _Half(labelled=_labelled(names, published), raw=_raw(names, learning))
    try:
        if asked.kind == "cluster_centroids":
            return _explained(asked, seen, names, held_out, least)
        return _predicted(asked, seen, _Half(labelled=_labelled(names, held_out), raw=_raw(names, held_out)))
    except TableUnfit:
        return None


def what_learning_is_worth(report: dict[str, Any]) -> list[str]:
    """Return a line for each learned mart of what `transform` reported: its utility beside that of raw data."""
    return [
        f"{row['title']}: {told['measure']} {told['published']:.3f} learned from anonymized rows,"
        f" {told['raw']:.3f} from raw ones, on the same people"
        for row in report.get("door", ())
        if row.get("learned_from") and (told := row.get("utility"))
    ]


def _rows(context: Context, session: Session, asked: Learned) -> list[tuple[Any, ...]]:
    """Count people by (labels, raw values, whether one learns from them, whether they are published, people)."""
    teacher, names = context.policy.releases[asked.learned_from], asked.columns_learned_from
    records = f"restricted.{DOOR_SCHEMA}.{quoted(asked.learned_from)}"
    members = f"restricted.{DOOR_SCHEMA}.{quoted(f'{asked.learned_from}__members')}"
    _label(context, session, asked, teacher, records)
    kinds = {str(row[0]): str(row[1]) for row in session.rows(f"describe select * from {records}")}
    told = teacher.quasi_identifiers
    labels = [f"labelled.{quoted(name)}" if name in told else _as_text(name, kinds[name]) for name in names]
    raw = [_as_text(name, kinds[name]) for name in names]
    found = session.rows(
        f"select {listed(labels + raw)}, {LEARNS.replace('subject_id', 'records.subject_id')},"
        f" records.subject_id in (select subject_id from {members} where subject_id is not null), count(*)"
        f" from {records} as records join learned_labels as labelled on labelled.subject_id = records.subject_id"
        " group by all"
    )
    session.run("drop table learned_labels")
    return found


def _label(context: Context, session: Session, asked: Learned, teacher: Release, records: str) -> None:
    """Tell all of the teacher's people by its standing recoding, the ones who are left out too."""
    epoch = epoch_of(context, asked.learned_from)
    if epoch is None:
        raise LookupError(asked.learned_from)
    told = teacher.quasi_identifiers
    label_everybody(
        session,
        records=records,
        columns={name: told[name] for name in asked.columns_learned_from if name in told},
        rules=context.policy.hierarchies,
        epoch=epoch,
        target="learned_labels",
    )


def _as_text(name: str, kind: str) -> str:
    """Return a raw value as a label of its own; of a day, its year: no model learns from single days."""
    column = f"records.{quoted(name)}"
    is_day = kind.upper().startswith(("DATE", "TIMESTAMP"))
    return f"cast({f'year({column})' if is_day else column} as varchar)"


def _people(rows: Iterable[Sequence[Any]]) -> int:
    """Return how many people rows stand for."""
    return sum(row[-1] for row in rows)


def _labelled(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Profiles:
    """Return the rows' profiles by labels."""
    return Profiles.counted(names, ([*row[: len(names)], row[-1]] for row in rows))


def _raw(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Profiles:
    """Return the rows' profiles by raw values."""
    return Profiles.counted(names, ([*row[len(names) : 2 * len(names)], row[-1]] for row in rows))


def _predicted(asked: Learned, seen: _Half, held_out: _Half) -> dict[str, Any]:
    """Return the AUC of the model that learned from anonymized rows, and of the one from raw rows."""
    return _compared(
        "AUC",
        raw=_area(asked, seen.raw, held_out.raw),
        published=_area(asked, seen.labelled, held_out.labelled),
    )


def _area(asked: Learned, seen: Profiles, held_out: Profiles) -> float:
    """Return the AUC of what is learned from some people on others."""
    target, wanted = asked.target or "", asked.target_label or ""
    model = learn_propensity(seen, target=target, target_label=wanted)
    features, labels = held_out.without(target)
    hits = np.array([label == wanted for label in labels])
    weights = held_out.weights
    return area_under_curve(model.log_odds(features), weights * hits, weights * ~hits).value


def _explained(
    asked: Learned, seen: _Half, names: Sequence[str], held_out: Sequence[Sequence[Any]], least: int
) -> dict[str, Any]:
    """Return how much of the variance of raw values clusters explain: ours, and those learned from raw rows."""
    # Row by row in both, so that a profile has its place in both lists.
    labelled = _row_by_row(names, held_out, 0)
    raw = _row_by_row(names, held_out, len(names))
    clusters = asked.clusters or 2
    ours = learn_centroids(seen.labelled, clusters=clusters, minimum=least).nearest(labelled)
    theirs = learn_centroids(seen.raw, clusters=clusters, minimum=least).nearest(raw)
    return _compared("explained variance", raw=_share(raw, theirs), published=_share(raw, ours))


def _row_by_row(names: Sequence[str], rows: Sequence[Sequence[Any]], start: int) -> Profiles:
    """Return one profile per row, in their order."""
    texts = tuple(
        tuple(NO_LABEL if one is None else str(one) for one in row[start : start + len(names)]) for row in rows
    )
    return Profiles(features=tuple(names), labels=texts, people=tuple(float(row[-1]) for row in rows))


def _share(profiles: Profiles, places: Any) -> float:
    """Return the share of the variance of one-hot values that lies between clusters."""
    points, weights = profiles.one_hot(), profiles.weights
    everybody = np.asarray(points.T @ weights) / weights.sum()
    total = weights.sum() * (len(profiles.features) - (everybody**2).sum())
    between = 0.0
    for cluster in np.unique(places):
        part = weights * (places == cluster)
        centre = np.asarray(points.T @ part) / part.sum()
        between += part.sum() * ((centre - everybody) ** 2).sum()
    return float(between / total) if total else 0.0


def _compared(measure: str, *, raw: float, published: float) -> dict[str, Any]:
    """Return both figures, and what is lost."""
    told = {"raw": round(raw, 4), "published": round(published, 4), "loss": round(raw - published, 4)}
    return {"measure": measure, **told}
