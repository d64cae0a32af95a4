"""What the five stages add up to: pure functions over their reports, shared by the page and the terminal."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trustmart.legal_basis import LegalBasis
from trustmart.report.moves import moves_of
from trustmart.report.words import age, listing, number, plural

STAGES = ("ingest", "forget", "transform", "release", "activate")

Stages = Mapping[str, Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The night in one sentence, and whether somebody has to act."""

    text: str
    calm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something that waits for a person: what, why, what was tried and helps, the next move, and its command."""

    what: str
    why: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    next: str = ""
    command: str = ""


def stage(stages: Stages, name: str) -> Mapping[str, Any]:
    """Return a stage's report; empty where it did not run."""
    return stages.get(name) or {}


def did_not_run(stages: Stages) -> list[str]:
    """Return the stages that left no report, in the order in which they would run."""
    return [name for name in STAGES if not stages.get(name)]


def as_of(stages: Stages) -> Any:
    """Return the instant the night speaks for; None where no stage ran."""
    return next((report["as_of"] for name in STAGES if "as_of" in (report := stage(stages, name))), None)


def seconds(stages: Stages) -> float:
    """Return how long the stages took together."""
    return sum(stage(stages, name).get("seconds") or 0 for name in STAGES)


def rows(stages: Stages) -> dict[str, int]:
    """Return rows in, loaded, redelivered and quarantined over all tables."""
    tables = stage(stages, "ingest").get("tables", [])
    columns = ("files", "rows_in", "loaded", "redelivered", "quarantined")
    return {column: sum(table.get(column) or 0 for table in tables) for column in columns}


def quarantine_reasons(stages: Stages) -> list[tuple[str, int]]:
    """Return how many rows each reason kept out, the commonest first."""
    total: Counter[str] = Counter()
    for table in stage(stages, "ingest").get("tables", []):
        total.update(table.get("reasons") or {})
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))


def new_columns(stages: Stages) -> list[str]:
    """Return the columns that no policy knows yet, as table.column."""
    tables = stage(stages, "ingest").get("tables", [])
    return [f"{table['table']}.{name}" for table in tables for name in table.get("new_columns") or []]


def customers(stages: Stages) -> int | None:
    """Return records less duplicates less forgotten; None where nothing was transformed."""
    counted = stage(stages, "transform").get("customers")
    if not counted:
        return None
    return counted.get("records", 0) - counted.get("duplicates", 0) - counted.get("forgotten", 0)


def marts(stages: Stages, verdict: str | None = None) -> list[Mapping[str, Any]]:
    """Return the anonymized marts, all or those with one verdict."""
    found = stage(stages, "release").get("marts", [])
    return [mart for mart in found if verdict in (None, mart.get("verdict"))]


def noise(mart: Mapping[str, Any], stages: Stages) -> Mapping[str, Any] | None:
    """Return what the door says of a mart that it told with noise; None of any other, whose classes have a size."""
    made = [entry for entry in stage(stages, "transform").get("door", []) if entry.get("mart") == mart.get("mart")]
    return next((entry for entry in made if "epsilon" in entry), None)


def standing(mart: Mapping[str, Any], stages: Stages) -> str:
    """Say what readers have instead of a mart that is held."""
    since = mart.get("standing_since")
    if not since:
        return "it was never released, so there is nothing to read yet"
    nights = mart.get("nights_old")
    old = "" if nights is None else f", {plural(nights, 'night')} old"
    return f"readers keep the release of {age(since, as_of(stages))} ago{old}"


def held_audiences(stages: Stages) -> list[Mapping[str, Any]]:
    """Return the audiences that the consent gate held, with the title that activate knows."""
    titles = {entry.get("audience"): entry.get("title") for entry in stage(stages, "activate").get("audiences", [])}
    judged = stage(stages, "release").get("audiences", [])
    return [{"title": titles.get(entry.get("audience")), **entry} for entry in judged if entry.get("verdict") == "held"]


def audiences(stages: Stages) -> list[Mapping[str, Any]]:
    """Return the audiences that went out (or were rehearsed)."""
    held = {entry.get("audience") for entry in held_audiences(stages)}
    return [entry for entry in stage(stages, "activate").get("audiences", []) if entry.get("audience") not in held]


def not_built(stages: Stages) -> list[Mapping[str, Any]]:
    """Return the marts that were left out because their use case may not run."""
    return list(stage(stages, "transform").get("not_built") or [])


def strategy(stages: Stages) -> list[Mapping[str, Any]]:
    """Return the use cases with their legal basis and reach, the freest right first."""
    rows = list(stage(stages, "transform").get("strategy") or [])
    return sorted(rows, key=lambda row: (_order(row), str(row.get("use_case"))))


def strategy_by_basis(stages: Stages) -> list[tuple[str, int, float | None, float | None]]:
    """Return (legal basis, use cases, the largest reach, what a contact of all they reach is worth), freest first."""
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in strategy(stages):
        grouped.setdefault(str(row.get("legal_basis")), []).append(row)
    return [
        (
            basis,
            len(found),
            max((row["share"] for row in found if row.get("share") is not None), default=None),
            sum(values)
            if (values := [row["value_eur"] for row in found if row.get("value_eur") is not None])
            else None,
        )
        for basis, found in grouped.items()
    ]


def _order(row: Mapping[str, Any]) -> int:
    """Return the rung of a row's legal basis; what nobody knows comes last."""
    basis = row.get("legal_basis")
    return list(LegalBasis).index(LegalBasis(basis)) if basis in set(LegalBasis) else len(LegalBasis)


def crossings(stages: Stages) -> list[Mapping[str, Any]]:
    """Return the scores: to how many people what was learned anonymously was applied."""
    return list(stage(stages, "transform").get("crossings") or [])


def headline(stages: Stages) -> Headline:
    """Say the night in one sentence."""
    parts = [*_mart_words(stages), *_audience_words(stages), *_held_words(stages), *_failure_words(stages)]
    missing = did_not_run(stages)
    if len(missing) == len(STAGES):
        return Headline(text="Nothing ran", calm=False)
    if missing:
        parts.append(f"{listing(missing)} did not run")
    text = ", ".join(parts)
    return Headline(text=text[:1].upper() + text[1:], calm=not tasks(stages))


def _mart_words(stages: Stages) -> list[str]:
    """Say how many marts opened."""
    if not stages.get("release"):
        return []
    return [f"{len(marts(stages, 'released'))} of {plural(len(marts(stages)), 'mart')} released"]


def _audience_words(stages: Stages) -> list[str]:
    """Say how many audiences left."""
    if not stages.get("activate"):
        return []
    verb = "rehearsed (nothing left the house)" if stage(stages, "activate").get("dry_run") else "sent"
    return [f"{plural(len(audiences(stages)), 'audience')} {verb}"]


def _held_words(stages: Stages) -> list[str]:
    """Say what was kept back."""
    if not stages.get("release"):
        return []
    counts = [(len(marts(stages, "held")), "mart"), (len(held_audiences(stages)), "audience")]
    held = listing([plural(count, noun) for count, noun in counts if count])
    return [f"{held} held" if held else "nothing held"]


def _failure_words(stages: Stages) -> list[str]:
    """Say what could not be built or proved."""
    transform = stage(stages, "transform")
    counts = [
        (len(transform.get("failed") or []), "build step"),
        ((transform.get("tests") or {}).get("failed") or 0, "data test"),
    ]
    failed = listing([plural(count, noun) for count, noun in counts if count])
    return [f"{failed} failed"] if failed else []


def tasks(stages: Stages) -> list[Task]:
    """Return what waits for a person, the most urgent first."""
    left_out = {entry.get("mart") for entry in not_built(stages)}
    return [
        *_tasks_from_sums(stages),
        *_tasks_from_failures(stages),
        *[_task_for_use_case(entry, stages) for entry in not_built(stages)],
        *[_task_for_mart(mart, stages) for mart in marts(stages, "held") if mart.get("mart") not in left_out],
        *[
            _task_for_audience(entry, stages)
            for entry in held_audiences(stages)
            if entry.get("audience") not in left_out
        ],
        *_tasks_from_gaps(stages),
    ]


def _tasks_from_sums(stages: Stages) -> list[Task]:
    """Ask for help where figures that must add up do not."""
    total = rows(stages)
    found = []
    if total["rows_in"] != total["loaded"] + total["quarantined"]:
        found.append("Rows in are not rows loaded plus rows quarantined")
    counted = stage(stages, "transform").get("customers") or {}
    left = counted.get("records", 0) - counted.get("duplicates", 0)
    if counted.get("deduplicated", left) not in (left, left - counted.get("forgotten", 0)):
        found.append("Records less duplicates are not the customers that were deduplicated")
    return [Task(what=what, next="This is a fault of ours: please report it.") for what in found]


def _tasks_from_failures(stages: Stages) -> list[Task]:
    """Name what dbt could not build or prove."""
    transform = stage(stages, "transform")
    names = [str(name) for name in transform.get("failed") or []]
    failed_tests = (transform.get("tests") or {}).get("failed") or 0
    if not names and not failed_tests:
        return []
    why = [f"{number(failed_tests)} of the data tests found rows that should not be there."] if failed_tests else []
    return [
        Task(
            what="Not everything could be built",
            why=[*names, *why],
            next="Mend it, then type:",
            command="trustmart transform",
        )
    ]


def _task_for_use_case(entry: Mapping[str, Any], stages: Stages) -> Task:
    """Say which mart has no right to be built, why, and who answers for it."""
    owner = f" {entry['owner']} answers for it." if entry.get("owner") else ""
    return Task(
        what=f"{entry.get('title') or entry.get('mart')} is not built: its use case may not run",
        why=[f"{entry.get('why')}.{owner}", *_who_left(entry.get("mart"), stages)],
        next=f"{entry.get('next_step')}. To see the decision:",
        command=f"trustmart decide --use-case {entry.get('use_case')}",
    )


def _task_for_mart(mart: Mapping[str, Any], stages: Stages) -> Task:
    """Say why a mart is held and what opens it."""
    return Task(
        what=f"{mart.get('title') or mart.get('mart')} is held: {standing(mart, stages)}",
        why=[str(reason) for reason in mart.get("reasons") or []],
        moves=moves_of(mart),
        next="Make its columns coarser, or let more rare classes be left out, then type:",
        command="trustmart transform && trustmart release",
    )


def _task_for_audience(entry: Mapping[str, Any], stages: Stages) -> Task:
    """Say why an audience is held and what opens it."""
    return Task(
        what=f"{entry.get('title') or entry.get('audience')} is held: nobody is added to it",
        why=[*(str(reason) for reason in entry.get("reasons") or []), *_who_left(entry.get("audience"), stages)],
        next="Mend the model or the policy, then type:",
        command="trustmart transform && trustmart release && trustmart activate",
    )


def _who_left(audience: Any, stages: Stages) -> list[str]:
    """Say how many people the destination of a held audience was told to remove; nothing where it was nobody."""
    activated = stage(stages, "activate")
    left = removed_from(audience, stages)
    verb = "would be removed" if activated.get("dry_run") else "removed"
    return [f"{plural(left, 'person', 'people')} {verb} from its destination."] if left else []


def removed_from(audience: Any, stages: Stages) -> int:
    """Return how many people an audience's destination was told to remove."""
    sent = stage(stages, "activate").get("audiences", [])
    return sum(entry.get("removed") or 0 for entry in sent if entry.get("audience") == audience)


def _tasks_from_gaps(stages: Stages) -> list[Task]:
    """Say which stages are still to run."""
    missing = did_not_run(stages)
    if not missing:
        return []
    return [
        Task(
            what=f"{listing(missing)} did not run".capitalize(),
            next="Run what is left:",
            command=" && ".join(f"trustmart {name}" for name in missing),
        )
    ]
