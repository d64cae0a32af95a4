"""What readers of microdata lose: detail of labels, and how far shares of people are off."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymity.usefulness import FINE, Utility, told
from trustmart.anonymity.utility import column_loss, overall_loss
from trustmart.anonymizing.words import listed, quoted
from trustmart.warehouse import Session


def usefulness_of_rows(
    session: Session,
    *,
    published: str,
    everybody: str,
    columns: Sequence[str],
    recoding: Recoding,
    weights: Mapping[str, float],
    people: int,
) -> dict[str, Any]:
    """Return what tonight's rows lose: `utility` (1 less the certainty penalty), `loss_by_column`, `share_error`.

    published: the mart's rows. everybody: a relation of all people at the recoding's labels, with the published
    columns. columns: those that shares are told by. weights: per quasi-identifier. people: how many there are.
    """
    rows = int(session.value(f"select count(*) from {published}"))
    suppressed = max(people - rows, 0)
    losses = {
        hierarchy.name: _loss(session, published, hierarchy, level, suppressed)
        for hierarchy, level in zip(recoding.hierarchies, recoding.levels, strict=True)
    }
    return {
        "utility": detail_of_labels(overall_loss(losses, weights)),
        "loss_by_column": {name: round(loss, 3) for name, loss in losses.items()},
        "share_error": share_error(session, everybody, published, columns),
    }


def detail_of_labels(loss: float) -> dict[str, Any]:
    """Return a loss (the normalised certainty penalty, 0 to 1) as every mart tells its utility."""
    return Utility(measure="detail of labels", raw=1.0, published=1 - loss).as_dict()


def share_error(session: Session, everybody: str, published: str, columns: Sequence[str]) -> dict[str, float]:
    """Return the largest error of shares as it may be told; see `largest_share_error`."""
    return {"largest": told(largest_share_error(session, everybody, published, columns), step=FINE)}


def _loss(session: Session, published: str, hierarchy: Hierarchy, level: int, suppressed: int) -> float:
    """Return a column's penalty; a label that its level does not have tells nothing, as if it were suppressed."""
    name = quoted(hierarchy.name)
    found = dict(session.rows(f"select {name}, count(*) from {published} group by {name}"))
    known = {label: count for label, count in found.items() if label in set(hierarchy.labels[level])}
    return column_loss(known, hierarchy, level, suppressed=suppressed + sum(found.values()) - sum(known.values()))


def largest_share_error(session: Session, raw: str, published: str, columns: Sequence[str]) -> float:
    """Return the largest error of one-way and two-way shares, from 0 to 1; 0 without people.

    As `trustmart.anonymity.usefulness.share_errors` does with rows. raw: a relation of all people, told as coarsely as
    published. Labels are compared as text; nulls are labels.
    """
    return max(
        float(session.value(_statement(raw, published, names)) or 0)
        for names in [*combinations(columns, 1), *combinations(columns, 2)]
    )


def _statement(raw: str, published: str, names: Sequence[str]) -> str:
    """Return the statement that yields the largest error over the labels of one or two columns."""
    keys = [f"key_{place}" for place in range(len(names))]
    named = [f"cast({quoted(name)} as string) as {key}" for name, key in zip(names, keys, strict=True)]
    true, shown = (
        f"select {listed(keys)}, {own} as raw, {other} as published from"
        f" (select {listed(keys)}, count(*) * 1e0 / sum(count(*)) over () as share from"
        f" (select {listed(named)} from {relation}) as labels group by {listed(keys)}) as shares"
        for relation, own, other in ((raw, "share", "0e0"), (published, "0e0", "share"))
    )
    both = f"select sum(raw) - sum(published) as error from ({true} union all {shown}) as both_tables"
    people = f"(select count(*) from {raw}) > 0"
    return f"select max(abs(error)) from ({both} group by {listed(keys)}) as errors where {people}"
