"""The laboratory in the night: a row per person, told by a frozen tree that is only routed and repaired."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from trustmart.anonymity.epochs import Epoch
from trustmart.anonymity.search import BaseTable
from trustmart.anonymity.tree import (
    LeafCounts,
    Repaired,
    Tree,
    class_counts,
    fits_tree,
    grow,
    leaf_counts,
    loss_of,
    open_tree_epoch,
    pooled_further,
    raised_to,
    relabelled_share,
    repair,
    route,
    routes_of,
    tree_of,
)
from trustmart.anonymizing.counting import count_base
from trustmart.anonymizing.encoding_sql import Encoding
from trustmart.anonymizing.held_rows import Held
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.microdata import TIMES, too_rare
from trustmart.anonymizing.microdata_usefulness import detail_of_labels, share_error
from trustmart.anonymizing.person_records import PersonRecords, look_at_records
from trustmart.anonymizing.person_rows import EVERYBODY, ROWS, facts_of_epoch, hold_back, keep_common_rows, part_rows
from trustmart.anonymizing.tree_sql import TreeRouting
from trustmart.errors import AccountingMismatch
from trustmart.policy import HierarchyRule, Release
from trustmart.warehouse import Session

# Of everybody, in an epoch. The gate allows 1 % of those about whom nothing has changed (G9), who are fewer.
_MOST_RELABELLED = 0.009


@dataclass(frozen=True, kw_only=True)
class _Told:
    """A tree that lets enough people through. repaired: how it is published. kept: how many may be published."""

    epoch: Epoch
    repaired: Repaired
    counts: LeafCounts
    kept: int


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """A tree to try. reason: why it would open a new epoch; None where it is the one that stands."""

    tree: Tree
    times: int
    reason: str | None


def make_laboratory(
    session: Session,
    *,
    mart: str,
    release: Release,
    rules: Mapping[str, HierarchyRule],
    records: str,
    target: str,
    members: str,
    epoch: Epoch | None,
    standing: str | None = None,
    has_history: bool = False,
) -> tuple[Made, Epoch]:
    """Make a candidate from records by the epoch's tree; return what was made, and the epoch, its tree as pooled now.

    Arguments as of `make_microdata`. Rows are routed by the frozen tree, and classes that are no longer safe take the
    labels of one above. A new epoch opens where no tree of these hierarchies stands (then one is grown), the minimum
    levels were raised, or too many would be left out (then it pools more) or had to be told more coarsely since it
    opened. Raises TableUnfit, NoRecoding, HierarchyFault, AccountingMismatch.
    """
    asked = look_at_records(session, mart, release, rules, records)
    told = _choose(session, asked, epoch)
    held = hold_back(session, asked, standing) if has_history else Held()
    people = class_counts(told.repaired.tree, told.counts)
    loss, by_column = loss_of(
        told.repaired.tree, people, dict(zip(asked.config.quasi_identifiers, asked.weights, strict=True))
    )
    facts = {
        **facts_of_epoch(told.epoch),
        "loss": loss,
        "loss_by_column": by_column,
        # Who is left out counts as all lost.
        "utility": detail_of_labels(1 - (1 - loss) * told.kept / asked.profiled.records),
        "share_error": share_error(session, EVERYBODY, ROWS, asked.columns),
        "optimal": False,
        "leaves": int((people > 0).sum()),
        "pooled_classes": told.repaired.pooled_classes,
        "relabelled": told.repaired.relabelled,
    }
    made = part_rows(session, asked, kept=told.kept, held=held, target=target, members=members, facts=facts)
    return made, told.epoch


def _choose(session: Session, asked: PersonRecords, epoch: Epoch | None) -> _Told:
    """Route and repair by what stands; where that leaves too many out, pool more, under a new epoch."""
    is_standing = epoch is not None and fits_tree(epoch, asked.hierarchies)
    base = _count(session, asked, epoch if is_standing else None)
    tried = _standing_trees(asked, epoch) if epoch is not None and is_standing else _new_trees(asked, base, epoch)
    for one in tried:
        counts = leaf_counts(base, route(routes_of(one.tree, base.layout), base))
        repaired = repair(one.tree, counts, replace(asked.requirements, k=asked.requirements.k * one.times))
        kept = _apply(session, asked, base, repaired.tree)
        if kept is not None:
            chosen = _epoch(asked, epoch, one, repaired.tree, counts)
            return _Told(epoch=chosen, repaired=repaired, counts=counts, kept=kept)
    raise too_rare(asked)


def _standing_trees(asked: PersonRecords, epoch: Epoch) -> Iterator[_Tried]:
    """Yield the tree that stands, and then the same ones with larger and larger classes."""
    standing = tree_of(epoch, asked.hierarchies)
    tree, reason = raised_to(standing, asked.floor), "the minimum levels were raised"
    if tree.digest == standing.digest:
        yield _Tried(tree=tree, times=1, reason=None)
        reason = "too many people would have been left out"
    for times in TIMES:
        yield _Tried(tree=tree, times=times, reason=reason)


def _new_trees(asked: PersonRecords, base: BaseTable, epoch: Epoch | None) -> Iterator[_Tried]:
    """Yield trees grown on tonight's records, for larger and larger classes: whole rows must be common too."""
    reason = "first fit" if epoch is None else "the columns or their hierarchies changed"
    for times in TIMES:
        reserve = asked.config.reserve + asked.requirements.k * (times - 1)
        tree = grow(base, asked.requirements, weights=asked.weights, floor=asked.floor, reserve=reserve)
        yield _Tried(tree=tree, times=1, reason=reason)


def _count(session: Session, asked: PersonRecords, epoch: Epoch | None) -> BaseTable:
    """Count the records once, as finely as the tree that stands asks, or as policy allows."""
    finest = [epoch.levels[one.name] if epoch else low for one, low in zip(asked.hierarchies, asked.floor, strict=True)]
    floor = tuple(min(level, low) for level, low in zip(finest, asked.floor, strict=True))
    return count_base(
        session, asked.table, asked.hierarchies, list(asked.config.sensitive), floor=floor, profiled=asked.profiled
    )


def _apply(session: Session, asked: PersonRecords, base: BaseTable, tree: Tree) -> int | None:
    """Write everybody at the labels of their class, and keep who may be published; None where that is too few."""
    routing = TreeRouting(Encoding(asked.table, base.layout, asked.profiled), tree)
    with routing.tables(session):
        session.keep(EVERYBODY, routing.published_rows([*asked.config.published, "subject_id"]))
    if (written := int(session.value(f"select count(*) from {EVERYBODY}"))) != base.people:
        raise AccountingMismatch(f"{base.people:,} records were to be told by the tree, {written:,} were")
    return keep_common_rows(session, asked)


def _epoch(asked: PersonRecords, epoch: Epoch | None, tried: _Tried, tree: Tree, counts: LeafCounts) -> Epoch:
    """Return the epoch that stands, pooled as far as tonight asks, or the new one."""
    reason = tried.reason or "too many had to be told more coarsely"
    if epoch is not None and tried.reason is None and relabelled_share(epoch, tree, counts) <= _MOST_RELABELLED:
        return pooled_further(epoch, tree)
    weights = dict(zip(asked.config.quasi_identifiers, asked.weights, strict=True))
    loss, _ = loss_of(tree, class_counts(tree, counts), weights)
    return open_tree_epoch(asked.mart, tree, epoch, reason=reason, loss=loss)
