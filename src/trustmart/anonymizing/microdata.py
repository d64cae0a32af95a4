"""Microdata: a row per person, told by a frozen recoding; left out where a class is still too small."""

from collections.abc import Mapping
from dataclasses import replace

from trustmart.anonymity.epochs import Epoch, open_epoch
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymity.search import BaseTable, fit
from trustmart.anonymizing.counting import count_base
from trustmart.anonymizing.held_rows import Held
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.microdata_usefulness import usefulness_of_rows
from trustmart.anonymizing.person_records import PersonRecords, look_at_records
from trustmart.anonymizing.person_rows import EVERYBODY, ROWS, facts_of_epoch, hold_back, keep_common_rows, part_rows
from trustmart.anonymizing.publishing import publish_into
from trustmart.errors import TableUnfit
from trustmart.policy import HierarchyRule, Release
from trustmart.warehouse import Session

# Whole rows must be common too, which the search does not know of: it is asked for classes of so many times k.
TIMES = (1, 2, 4, 8, 16, 32)
_NOBODY_LEFT_OUT = Requirements(k=1, sensitive={}, maximum_suppressed=0)


def make_microdata(
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
    """Make a candidate from records by the epoch's recoding; return what was made, and the epoch it was made in.

    records, target, members: full table names. epoch: the one that stands, or None before the first night. standing:
    the released mart, or None. has_history: whether it is known who was in which class before. A new epoch
    opens where none stands, the hierarchies changed, or too many would be left out; only then is anything fitted, and
    never finer than what stands. Raises TableUnfit, NoRecoding, HierarchyFault.
    """
    asked = look_at_records(session, mart, release, rules, records)
    chosen, kept = _choose(session, asked, epoch)
    return _made(session, asked, chosen, kept, target, members, standing, has_history=has_history), chosen


def recode_microdata(
    session: Session,
    *,
    mart: str,
    release: Release,
    rules: Mapping[str, HierarchyRule],
    records: str,
    target: str,
    members: str,
    epoch: Epoch,
    standing: str | None = None,
    has_history: bool = False,
) -> tuple[Made, Epoch] | None:
    """Make a candidate as `make_microdata` does, by this epoch's recoding and no other: nothing is fitted.

    Returns None where too many people would be left out. Raises as `make_microdata`.
    """
    asked = look_at_records(session, mart, release, rules, records)
    if (kept := _apply(session, asked, epoch.recoding(asked.hierarchies))) is None:
        return None
    return _made(session, asked, epoch, kept, target, members, standing, has_history=has_history), epoch


def _made(
    session: Session,
    asked: PersonRecords,
    epoch: Epoch,
    kept: int,
    target: str,
    members: str,
    standing: str | None,
    *,
    has_history: bool,
) -> Made:
    """Hold back what has changed by few, and part what may be published into the candidate and its membership."""
    held = hold_back(session, asked, standing) if has_history else Held()
    facts = {
        **facts_of_epoch(epoch),
        "loss": epoch.loss,
        "optimal": epoch.optimal,
        **usefulness_of_rows(
            session,
            published=ROWS,
            everybody=EVERYBODY,
            columns=asked.columns,
            recoding=epoch.recoding(asked.hierarchies),
            weights={name: column.weight for name, column in asked.config.quasi_identifiers.items()},
            people=asked.profiled.records,
        ),
    }
    return part_rows(session, asked, kept=kept, held=held, target=target, members=members, facts=facts)


def _choose(session: Session, asked: PersonRecords, epoch: Epoch | None) -> tuple[Epoch, int]:
    """Apply what stands; where that cannot be, open a new epoch. Return it, and how many people it lets through."""
    is_of_levels = epoch is not None and epoch.tree is None and epoch.fits(asked.hierarchies)
    standing = epoch if is_of_levels else None
    if standing is not None and _is_coarse_enough(standing, asked):
        if (kept := _apply(session, asked, standing.recoding(asked.hierarchies))) is not None:
            return standing, kept
        reason = "too many people would have been left out"
    else:
        reason = _why(epoch, standing)
    floor = _floor(asked, standing)
    base = _count(session, asked, floor)
    for times in TIMES:
        opened = _open(asked, base, floor, epoch, reason, times=times)
        if (kept := _apply(session, asked, opened.recoding(asked.hierarchies))) is not None:
            return opened, kept
    raise too_rare(asked)


def too_rare(asked: PersonRecords) -> TableUnfit:
    """Return the error of a mart for which no recoding lets enough people through."""
    return TableUnfit(
        f"{asked.mart}: however coarse, too many rows would be rarer than {asked.config.minimum_class_size}"
    )


def _is_coarse_enough(epoch: Epoch, asked: PersonRecords) -> bool:
    """Return whether an epoch goes nowhere below today's minimum levels."""
    return all(epoch.levels[one.name] >= level for one, level in zip(asked.hierarchies, asked.floor, strict=True))


def _why(epoch: Epoch | None, standing: Epoch | None) -> str:
    """Return why nothing that stands can be applied."""
    if epoch is None:
        return "first fit"
    return "the minimum levels were raised" if standing else "the columns or their hierarchies changed"


def _floor(asked: PersonRecords, standing: Epoch | None) -> tuple[int, ...]:
    """Return the finest levels that a new epoch may have: never finer than what stands."""
    if standing is None:
        return asked.floor
    return tuple(max(standing.levels[one.name], low) for one, low in zip(asked.hierarchies, asked.floor, strict=True))


def _count(session: Session, asked: PersonRecords, floor: tuple[int, ...]) -> BaseTable:
    """Count the records once; every fit works on that."""
    return count_base(
        session, asked.table, asked.hierarchies, list(asked.config.sensitive), floor=floor, profiled=asked.profiled
    )


def _open(
    asked: PersonRecords, base: BaseTable, floor: tuple[int, ...], epoch: Epoch | None, reason: str, *, times: int
) -> Epoch:
    """Fit for classes of so many times k, and freeze it."""
    limit = asked.config.time_limit_seconds
    requirements = replace(asked.requirements, k=asked.requirements.k * times)
    fitted = fit(base, requirements, weights=asked.weights, floor=floor, time_limit=limit)
    recoding = Recoding(asked.hierarchies, fitted.levels)
    is_best = fitted.optimal and times == 1
    return open_epoch(asked.mart, recoding, epoch, reason=reason, loss=fitted.loss, optimal=is_best)


def _apply(session: Session, asked: PersonRecords, recoding: Recoding) -> int | None:
    """Write who may be published into a passing table; None where that leaves too many out."""
    publish_into(
        session,
        EVERYBODY,
        asked.table,
        recoding,
        _NOBODY_LEFT_OUT,
        {},
        columns=[*asked.config.published, "subject_id"],
        profiled=asked.profiled,
    )
    return keep_common_rows(session, asked)
