"""Microdata: a row per person, told by a frozen recoding; left out where a class is still too small."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.epochs import Epoch, open_epoch
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.recoding import Recoding
from trustmart.anonymity.search import BaseTable, SensitiveColumn, fit
from trustmart.anonymizing.config import QuasiIdentifier, ReleaseConfig
from trustmart.anonymizing.counting import check_enough, count_base
from trustmart.anonymizing.encoding_sql import Profile, profile
from trustmart.anonymizing.files import TableFile
from trustmart.anonymizing.held_rows import hold_back_rows
from trustmart.anonymizing.inspecting import inspect_release
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.microdata_usefulness import usefulness_of_rows
from trustmart.anonymizing.publishing import keep_safe_classes, publish_into
from trustmart.anonymizing.references import shares_of
from trustmart.anonymizing.requirements import requirements_of
from trustmart.anonymizing.words import class_id, listed, quoted
from trustmart.errors import ReleaseFault, TableUnfit
from trustmart.policy import HierarchyRule, Release
from trustmart.warehouse import Session

_ROWS, _EVERYBODY, _WHOLE = "door_rows", "door_everybody", "door_whole_rows"


@dataclass(frozen=True, kw_only=True)
class _Records:
    """The records of a mart, and what is asked of them."""

    mart: str
    table: TableFile
    profiled: Profile
    config: ReleaseConfig
    hierarchies: tuple[Hierarchy, ...]
    floor: tuple[int, ...]
    references: Mapping[str, SensitiveColumn]
    requirements: Requirements


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
    asked = _look_at(session, mart, release, rules, records)
    chosen, written = _choose(session, asked, epoch)
    _tell_everybody(session, asked, chosen.recoding(asked.hierarchies))
    held = _hold_back(session, asked, standing) if has_history else 0
    return _made(session, asked, chosen, written, held, target, members), chosen


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
    asked = _look_at(session, mart, release, rules, records)
    recoding = epoch.recoding(asked.hierarchies)
    if (written := _apply(session, asked, recoding)) is None:
        return None
    _tell_everybody(session, asked, recoding)
    held = _hold_back(session, asked, standing) if has_history else 0
    return _made(session, asked, epoch, written, held, target, members), epoch


def _choose(session: Session, asked: "_Records", epoch: Epoch | None) -> tuple[Epoch, int]:
    """Apply what stands; where that cannot be, open a new epoch. Return it, and how many people it lets through."""
    standing = epoch if epoch is not None and epoch.fits(asked.hierarchies) else None
    if standing is not None and _is_coarse_enough(standing, asked):
        if (written := _apply(session, asked, standing.recoding(asked.hierarchies))) is not None:
            return standing, written
        reason = "too many people would have been left out"
    else:
        reason = _why(epoch, standing)
    # Whole rows must be common too, which the search does not know of: it is asked for larger classes until they are.
    floor = _floor(asked, standing)
    base = _count(session, asked, floor)
    for times in (1, 2, 4, 8, 16, 32):
        opened = _open(asked, base, floor, epoch, reason, times=times)
        if (written := _apply(session, asked, opened.recoding(asked.hierarchies))) is not None:
            return opened, written
    raise TableUnfit(
        f"{asked.mart}: however coarse, too many rows would be rarer than {asked.config.minimum_class_size}"
    )


def _look_at(
    session: Session, mart: str, release: Release, rules: Mapping[str, HierarchyRule], records: str
) -> _Records:
    """Profile the records, build their hierarchies and say what is asked of them."""
    described = session.rows(f"describe select * from {records}")
    table = TableFile(Path(mart), records, {str(row[0]): str(row[1]) for row in described})
    config = config_of(release, rules)
    table.check_columns([*config.quasi_identifiers, *config.published, "subject_id"])
    profiled = profile(session, table, list(config.quasi_identifiers))
    check_enough(profiled, config.minimum_class_size, mart)
    people = int(session.value(f"select count(distinct subject_id) from {records}"))
    if people != profiled.records:
        more = profiled.records - people
        raise TableUnfit(f"{mart}: {more:,} records more than people; a row of microdata is a person, so say which one")
    hierarchies = tuple(
        declared_hierarchy(name, column.hierarchy, fallback=column.fallback)
        for name, column in config.quasi_identifiers.items()
    )
    asked = config.quasi_identifiers.values()
    references = shares_of(session, records, list(config.sensitive))
    return _Records(
        mart=mart,
        table=table,
        profiled=profiled,
        config=config,
        hierarchies=hierarchies,
        floor=tuple(one.level(column.minimum_level) for one, column in zip(hierarchies, asked, strict=True)),
        references=references,
        requirements=requirements_of(config, references),
    )


def config_of(release: Release, rules: Mapping[str, HierarchyRule]) -> ReleaseConfig:
    """Return what a release of policy asks, as the engine reads it; raises ReleaseFault for an unknown hierarchy."""
    columns = {}
    for name, published in release.quasi_identifiers.items():
        if (rule := rules.get(published.hierarchy or "")) is None:
            raise ReleaseFault([f"{name}: hierarchies.yml declares no {published.hierarchy}"])
        columns[name] = QuasiIdentifier(
            hierarchy=rule,
            minimum_level=published.minimum_level,
            fallback=published.fallback,
            weight=published.weight,
        )
    return ReleaseConfig(
        minimum_class_size=release.minimum_class_size,
        maximum_suppressed=release.maximum_suppressed,
        quasi_identifiers=columns,
        sensitive=dict(release.sensitive),
        publish=list(release.publish),
    )


def _is_coarse_enough(epoch: Epoch, asked: _Records) -> bool:
    """Return whether an epoch goes nowhere below today's minimum levels."""
    return all(epoch.levels[one.name] >= level for one, level in zip(asked.hierarchies, asked.floor, strict=True))


def _why(epoch: Epoch | None, standing: Epoch | None) -> str:
    """Return why nothing that stands can be applied."""
    if epoch is None:
        return "first fit"
    return "the minimum levels were raised" if standing else "the columns or their hierarchies changed"


def _floor(asked: _Records, standing: Epoch | None) -> tuple[int, ...]:
    """Return the finest levels that a new epoch may have: never finer than what stands."""
    if standing is None:
        return asked.floor
    return tuple(max(standing.levels[one.name], low) for one, low in zip(asked.hierarchies, asked.floor, strict=True))


def _count(session: Session, asked: _Records, floor: tuple[int, ...]) -> BaseTable:
    """Count the records once; every fit works on that."""
    return count_base(
        session, asked.table, asked.hierarchies, list(asked.config.sensitive), floor=floor, profiled=asked.profiled
    )


def _open(
    asked: _Records, base: BaseTable, floor: tuple[int, ...], epoch: Epoch | None, reason: str, *, times: int
) -> Epoch:
    """Fit for classes of so many times k, and freeze it."""
    weights = [column.weight for column in asked.config.quasi_identifiers.values()]
    limit = asked.config.time_limit_seconds
    requirements = replace(asked.requirements, k=asked.requirements.k * times)
    fitted = fit(base, requirements, weights=weights, floor=floor, time_limit=limit)
    recoding = Recoding(asked.hierarchies, fitted.levels)
    is_best = fitted.optimal and times == 1
    return open_epoch(asked.mart, recoding, epoch, reason=reason, loss=fitted.loss, optimal=is_best)


def _apply(session: Session, asked: _Records, recoding: Recoding) -> int | None:
    """Write who may be published into a passing table; None where that leaves too many out."""
    session.run(f"drop table if exists {_ROWS}")
    publish_into(
        session,
        _ROWS,
        asked.table,
        recoding,
        asked.requirements,
        asked.references,
        columns=[*asked.config.published, "subject_id"],
        profiled=asked.profiled,
    )
    key = class_id(list(asked.config.quasi_identifiers))
    session.run(f"alter table {_ROWS} add column class_id varchar")
    session.run(f"update {_ROWS} set class_id = {key}")
    _keep_whole_rows_common(session, asked)
    written = int(session.value(f"select count(*) from {_ROWS}"))
    most = asked.config.maximum_suppressed * asked.profiled.records
    return written if written and asked.profiled.records - written <= most else None


def _keep_whole_rows_common(session: Session, asked: _Records) -> None:
    """Leave rows out whose labels and sensitive values together are rarer than k: k on labels alone singles people out.

    A class that is then no longer diverse or close enough goes as a whole (ANONYMITY, finding 5).
    """
    if not asked.config.published:
        return
    whole = listed(["class_id", *(quoted(column) for column in asked.config.published)])
    session.run(
        f"create or replace temp table {_WHOLE} as select * from {_ROWS}"
        f" qualify count(*) over (partition by {whole}) >= {asked.config.minimum_class_size}"
    )
    session.run(f"drop table {_ROWS}")
    session.run(f"alter table {_WHOLE} rename to {_ROWS}")
    keep_safe_classes(session, _ROWS, asked.requirements, asked.references)


def _tell_everybody(session: Session, asked: _Records, recoding: Recoding) -> None:
    """Write all people at the labels of a recoding into a passing table, those who are left out too."""
    session.run(f"drop table if exists {_EVERYBODY}")
    publish_into(
        session,
        _EVERYBODY,
        asked.table,
        recoding,
        Requirements(k=1, sensitive={}, maximum_suppressed=0),
        {},
        columns=[*asked.config.published, "subject_id"],
        profiled=asked.profiled,
    )


def _hold_back(session: Session, asked: _Records, standing: str | None) -> int:
    """Let classes that have changed by too few people show what they showed; return how many do."""
    key = class_id(list(asked.config.quasi_identifiers))
    return hold_back_rows(
        session,
        mart=asked.mart,
        rows=_ROWS,
        everybody=f"(select {key} as class_id, subject_id from {_EVERYBODY})",
        standing=f"(select *, {key} as class_id from {standing})" if standing else None,
        columns=[*asked.config.quasi_identifiers, *asked.config.published],
        k=asked.config.minimum_class_size,
    )


def _made(session: Session, asked: _Records, epoch: Epoch, kept: int, held: int, target: str, members: str) -> Made:
    """Part the passing table into the candidate and its membership, and say what was made."""
    columns = [*asked.config.quasi_identifiers, *asked.config.published]
    names = listed(quoted(column) for column in columns)
    # Sorted by what is published, so that the order of the rows says nothing.
    labels = [f"cast({quoted(column)} as varchar) as {quoted(column)}" for column in asked.config.quasi_identifiers]
    plain = [quoted(column) for column in asked.config.published]
    session.run(
        f"create or replace table {target} as select * from (select {listed(labels + plain)} from {_ROWS})"
        f" order by {names}"
    )
    session.run(f"create or replace table {members} as select class_id, subject_id from {_ROWS}")
    written = int(session.value(f"select count(*) from {_ROWS}"))
    session.run(f"drop table {_ROWS}")
    total = asked.profiled.records
    useful = usefulness_of_rows(
        session,
        published=target,
        everybody=_EVERYBODY,
        columns=columns,
        recoding=epoch.recoding(asked.hierarchies),
        weights={name: column.weight for name, column in asked.config.quasi_identifiers.items()},
        people=total,
    )
    session.run(f"drop table {_EVERYBODY}")
    # Held-back rows may be those of people who have left since: then more is published than there is tonight.
    measures = inspect_release(session, target, asked.config, records_total=max(total, written))
    return Made(
        rows=written,
        people_total=total,
        people_suppressed=total - kept,
        classes_total=measures.classes,
        classes_suppressed=0,
        facts={
            "held_back": held,
            "epoch": epoch.number,
            "epoch_reason": epoch.reason,
            "notice": epoch.notice,
            "recoding": epoch.digest,
            "levels": dict(epoch.level_names),
            "loss": epoch.loss,
            "optimal": epoch.optimal,
            "measures": measures.as_dict(),
            **useful,
        },
    )
