"""Everybody's labels under a recoding that stands: nobody is left out, so this never leaves the restricted zone."""

from collections.abc import Mapping, Sequence

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.epochs import Epoch
from trustmart.anonymity.learning import EVERY_LABEL, EVERYBODY, NO_LABEL
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymizing.encoding_sql import profile
from trustmart.anonymizing.files import table_called
from trustmart.anonymizing.publishing import publish_into
from trustmart.anonymizing.words import listed, literal, quoted
from trustmart.policy import HierarchyRule, PublishedColumn
from trustmart.warehouse import Session


def label_everybody(
    session: Session,
    *,
    records: str,
    columns: Mapping[str, PublishedColumn],
    rules: Mapping[str, HierarchyRule],
    epoch: Epoch,
    target: str,
) -> None:
    """Make a passing table of `subject_id` and every column's label, as an epoch's recoding tells it.

    records: full name of a relation with subject_id and the columns, a row per person. columns: name -> hierarchy and
    fallback, as the mart of the epoch publishes them. A null label is told as `(none)`. Raises TableUnfit and
    HierarchyFault.
    """
    table = table_called(session, target, records)
    table.check_columns([*columns, "subject_id"])
    hierarchies = tuple(
        declared_hierarchy(name, rules[column.hierarchy or ""], fallback=column.fallback)
        for name, column in columns.items()
    )
    recoding = Recoding(hierarchies, tuple(epoch.levels[name] for name in columns))
    raw = f"{target}_raw"
    publish_into(
        session,
        raw,
        table,
        recoding,
        Requirements(k=1, sensitive={}, maximum_suppressed=0),
        {},
        columns=["subject_id"],
        profiled=profile(session, table, list(columns)),
    )
    labels = listed(f"coalesce(cast({quoted(c)} as string), {literal(NO_LABEL)}) as {quoted(c)}" for c in columns)
    session.keep(target, f"select subject_id, {labels} from {raw}")
    session.discard(raw)


def one_row_per_label(labelled: str, features: Sequence[str]) -> str:
    """Return a statement that yields (subject_id, feature, label), with the row of everybody for each person."""
    rows = [f"select subject_id, {literal(EVERYBODY)} as feature, {literal(EVERY_LABEL)} as label from {labelled}"]
    rows += [
        f"select subject_id, {literal(feature)} as feature, {quoted(feature)} as label from {labelled}"
        for feature in features
    ]
    return " union all ".join(rows)
