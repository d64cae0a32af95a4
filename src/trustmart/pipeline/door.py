"""The door: make every anonymized mart of a tier from the records that its SQL yields, as policy says."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from trustmart.anonymity.epochs import pooling_of
from trustmart.anonymizing.cubes import make_cube
from trustmart.anonymizing.laboratory import make_laboratory
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.microdata import make_microdata
from trustmart.anonymizing.words import quoted
from trustmart.errors import TableUnfit, TrustmartError
from trustmart.gates import Finding
from trustmart.gates.attacks.levels import CALENDAR, coarsened, is_level
from trustmart.lineage import Manifest
from trustmart.pipeline.context import Context
from trustmart.pipeline.epochs import epoch_of
from trustmart.pipeline.learned import label_people, make_learned_mart
from trustmart.pipeline.noisy import make_noisy
from trustmart.pipeline.standing import stands_as_remembered
from trustmart.policy import Release, Tier
from trustmart.warehouse import CANDIDATE_SCHEMA, DOOR_SCHEMA, Session
from trustmart.warehouse.release_history import ensure_release_history, has_later, look_back

OnMart = Callable[[str, str, float], None]
SUPPRESSION_COLUMNS = (
    "mart varchar, classes_total bigint, classes_suppressed bigint, people_total bigint, people_suppressed bigint"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where the door keeps what belongs to a mart; all of it in the restricted zone."""

    records: str
    target: str
    members: str


def make_marts(
    context: Context, manifest: Manifest, *, not_built: Collection[str] = (), on_mart: OnMart | None = None
) -> list[dict[str, Any]]:
    """Make the candidates of every mart with a tier; return what was made of each, or why it could not be.

    One that cannot be made has no candidate, so the gate holds it; the others are made all the same. on_mart: told
    (name, status, seconds) of each.
    """
    has_released = context.warehouse.path("anonymized").exists()
    with context.warehouse.session(writes="restricted", reads=["anonymized"] if has_released else []) as session:
        _prepare(session)
        ensure_release_history(session)
        look_back(session, before=context.as_of)
        made = [
            _make(context, session, manifest, mart, on_mart)
            for mart in in_order(context, manifest)
            if mart not in not_built
        ]
        label_people(context, session, manifest, made={row["mart"] for row in made if row["status"] == "made"})
        return made


def in_order(context: Context, manifest: Manifest) -> list[str]:
    """Return the marts that the door makes, as policy lists them; what is learned comes after what it learns from."""
    built = {model.name for model in manifest.models.values() if model.materialized == "door"}
    releases = context.policy.releases.items()
    marts = [mart for mart, release in releases if release.tier is not None and mart in built]
    return sorted(marts, key=lambda mart: context.policy.releases[mart].learned is not None)


def findings_of_door(report: dict[str, Any] | None) -> dict[str, Finding]:
    """Return why marts could not be made, from what `transform` reported, for the gate."""
    return {
        row["mart"]: Finding(what=row["why"], count=0, next_step=row["next_step"])
        for row in (report or {}).get("door", ())
        if row["status"] != "made"
    }


def _prepare(session: Session) -> None:
    """Make room: nothing of last night's may be mistaken for tonight's."""
    session.run(f"drop schema if exists restricted.{DOOR_SCHEMA} cascade")
    session.run(f"create schema restricted.{DOOR_SCHEMA}")
    session.run(f"create or replace table restricted.suppression_by_mart ({SUPPRESSION_COLUMNS})")


def _make(context: Context, session: Session, manifest: Manifest, mart: str, on_mart: OnMart | None) -> dict[str, Any]:
    """Make one mart, and say what was made."""
    started = time.monotonic()
    release = context.policy.releases[mart]
    facts: dict[str, Any] = {"mart": mart, "title": release.title, "tier": str(release.tier)}
    try:
        made = _through_the_door(context, session, manifest, mart, release)
    except TrustmartError as error:
        session.run(f"drop table if exists restricted.{CANDIDATE_SCHEMA}.{quoted(mart)}")
        facts |= {"status": "held", "why": f"the door could not make it: {error}", "next_step": _NEXT_STEP}
    else:
        facts |= {"status": "made", "levels": _declared_levels(release), **_told(made)}
    facts["seconds"] = round(time.monotonic() - started, 2)
    if on_mart is not None:
        on_mart(mart, "success" if facts["status"] == "made" else "error", facts["seconds"])
    return facts


_NEXT_STEP = "mend its SQL or its entry in policy/releases.yml, then: trustmart transform"


def _through_the_door(context: Context, session: Session, manifest: Manifest, mart: str, release: Release) -> Made:
    """Let the records in, and the candidate out, by the way of the mart's tier."""
    model = next(model for model in manifest.models.values() if model.name == mart)
    places = _Places(
        records=f"restricted.{DOOR_SCHEMA}.{quoted(mart)}",
        target=f"restricted.{CANDIDATE_SCHEMA}.{quoted(mart)}",
        members=f"restricted.{DOOR_SCHEMA}.{quoted(f'{mart}__members')}",
    )
    _raise_if_no_level(session, release)
    # A row per person is read several times, here and by the gate: joined once. Events are too many to be kept twice.
    kind = "table" if release.is_microdata else "view"
    session.run(f"create {kind} {places.records} as {coarsened(f'({model.sql})', release.coarser)}")
    made = _by_tier(context, session, mart, release, places)
    session.run(
        "insert into restricted.suppression_by_mart values (?, ?, ?, ?, ?)",
        [mart, made.classes_total, made.classes_suppressed, made.people_total, made.people_suppressed],
    )
    return made


def _raise_if_no_level(session: Session, release: Release) -> None:
    """Refuse levels that are no column of the hierarchy's seed, or that some label has none or several of."""
    for column, (hierarchy, here, there) in release.coarser.items():
        if not (is_level(session, hierarchy, here, there) if hierarchy else there in CALENDAR):
            raise TableUnfit(f"{there} is no coarser level of {column}: see the seed of {hierarchy or 'the calendar'}")


def _by_tier(context: Context, session: Session, mart: str, release: Release, places: _Places) -> Made:
    """Make the candidate."""
    if release.noise is not None:
        return make_noisy(context, session, mart, release, places.records, places.target)
    if release.learned is not None:
        return make_learned_mart(context, session, release, places.records, places.target)
    if release.is_microdata:
        return _microdata(context, session, mart, release, places)
    return make_cube(
        session,
        mart=mart,
        release=release,
        records=places.records,
        target=places.target,
        members=places.members,
        standing=_standing(context, session, mart, release),
        history=True,
    )


def _microdata(context: Context, session: Session, mart: str, release: Release, places: _Places) -> Made:
    """Apply the standing epoch's recoding; a new one, or a tree that had to be pooled, is written into the ledger."""
    standing = epoch_of(context, mart)
    make = make_laboratory if release.tier is Tier.LABORATORY else make_microdata
    made, epoch = make(
        session,
        mart=mart,
        release=release,
        rules=context.policy.hierarchies,
        records=places.records,
        target=places.target,
        members=places.members,
        epoch=standing,
        standing=_standing(context, session, mart, release),
        has_history=bool(session.value("select count(*) from restricted.releases_before where mart = ?", [mart])),
    )
    if standing is None or epoch.number != standing.number:
        context.ledger.record("epoch", epoch.as_dict(), at=context.as_of)
    elif epoch != standing:
        context.ledger.record("pooling", pooling_of(epoch), at=context.as_of)
    return made


def _standing(context: Context, session: Session, mart: str, release: Release) -> str | None:
    """Return the release that figures may be carried over from; for a night long past that is no longer there.

    Nor is it after a rollback: what stands then shows other figures than the members that are remembered had.
    """
    if has_later(session, mart=mart, than=context.as_of) or not stands_as_remembered(context, session, mart):
        return None
    return standing_mart(session, mart, release)


def standing_mart(session: Session, mart: str, release: Release) -> str | None:
    """Return the released mart's full name, where it has the columns that the release publishes."""
    present = session.columns("anonymized", mart)
    return f"anonymized.{quoted(mart)}" if present and set(release.columns) <= set(present) else None


def _told(made: Made) -> dict[str, Any]:
    """Return what was made as reports write it."""
    return {
        "rows": made.rows,
        "people_total": made.people_total,
        "people_suppressed": made.people_suppressed,
        "classes_total": made.classes_total,
        "classes_suppressed": made.classes_suppressed,
        **_rounded(made.facts),
    }


def _declared_levels(release: Release) -> dict[str, str]:
    """Return how each column is told: by which hierarchy, if any; the fitted levels of microdata stand instead."""
    coarser = {name: f", {there}" for name, (_, _, there) in release.coarser.items()}
    return {name: f"{one.hierarchy or ''}{coarser.get(name, '')}" for name, one in release.quasi_identifiers.items()}


def _rounded(facts: Any) -> Any:
    """Round figures: engines add in any order, so the last digits of a sum differ from run to run."""
    if isinstance(facts, dict):
        return {name: _rounded(value) for name, value in facts.items()}
    if isinstance(facts, list):
        return [_rounded(value) for value in facts]
    return round(facts, 9) if isinstance(facts, float) else facts
