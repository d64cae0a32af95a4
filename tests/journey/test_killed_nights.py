"""A night that is killed anywhere and run again ends as if nothing had happened."""

import csv
import json
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from support.bank import lenient_policy
from support.killing import Kill, Plan, Story, chain_is_whole, ledger, play, released, told
from trustmart.settings import Settings
from trustmart.sources.synthetic import generate
from trustmart.warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

FIRST = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
SECOND = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
KEY = "k" * 64
AUDIENCES = (
    "aud_email_marketing__active_customers",
    "aud_insurance_cross_sell__home_owners",
    "aud_loan_offers__good_standing",
)

INTAKE = "trustmart.pipeline.intake:Intake"
SESSION = "trustmart.warehouse.duckdb:DuckDBSession._execute"
FORGET = "trustmart.pipeline.forget:"
FILES = "trustmart.destinations.files:"
MEMBERSHIP = "trustmart.pipeline.membership:Membership"
KEEP = "trustmart.pipeline.context:Context.keep"
RECORD = "trustmart.ledger.chain:Ledger.record"
NIGHT = "trustmart.pipeline.night:"
REPLACE = "trustmart.warehouse.duckdb:os.replace"


# Whom every one of the audiences would take.
NEWCOMER = {
    "birth_date": "1980-02-01",
    "has_housing_loan": "yes",
    "in_default": "no",
    "updated_at": "2026-11-21T09:00:00+01:00",
}


def before(function: str, **how: Any) -> Kill:
    """Die before a call."""
    return Kill(function=function, when="before", **how)


def after(function: str, **how: Any) -> Kill:
    """Die after a call."""
    return Kill(function=function, when="after", **how)


# The second night of a deployment: something to remove, to add and to erase. Runs that die one after the other, each a
# little later than the one before, until one is left alone; what an earlier run has done is not counted again.
SERIES = {
    "killed four times in ingest, one transaction for all tables": (
        after(f"{INTAKE}._insert"),
        before(f"{INTAKE}.close_books", call=6),
        before(SESSION, mentions="commit"),
        after(SESSION, mentions="commit"),
    ),
    # Personal marts first, then the restricted zone.
    "killed four times in forget": (
        after(FORGET + "_delete_subjects", call=2),
        before(FORGET + "_customer_records"),
        after(FORGET + "_erase"),
        after(RECORD, mentions="erasure"),
    ),
    "killed in forget and three times in transform": (
        after(FORGET + "_withdraw_from_personal_marts"),
        Kill(function="dbt", mentions="aud_email_marketing__active_customers"),
        after(RECORD, mentions="crossing"),
        after(KEEP, mentions="transform"),
    ),
    "killed twice in transform, then four times in the release": (
        Kill(function="dbt", mentions="int_subject_use_cases__decided"),
        before(RECORD, mentions="crossing", torn=True),
        before(REPLACE, mentions="anonymized.duckdb"),
        after(REPLACE, mentions="anonymized.duckdb"),
        before(RECORD, mentions="release", torn=True),
        after(RECORD, mentions="release"),
    ),
    # Three audiences, each told, recorded and remembered.
    "killed five times while the first audience is told": (
        after(f"{MEMBERSHIP}.begin"),
        after(FILES + "FileDestination.remove"),
        before(FILES + "os.replace", mentions="add.csv"),
        after(FILES + "os.replace", mentions="add.csv"),
        after(FILES + "FileDestination.add"),
    ),
    "killed while the later audiences are told, at one place twice, and at the very end": (
        after(FILES + "FileDestination.add", call=2),
        before(RECORD, mentions="activation", torn=True),
        after(RECORD, mentions="activation"),
        before(f"{MEMBERSHIP}.finish", call=2),
        before(f"{MEMBERSHIP}.finish"),
        before(NIGHT + "write_report"),
    ),
    "killed wherever it is": tuple(Kill(share_of_time=share) for share in (0.1, 0.3, 0.6)),
}
STORIES = [Story(name=name, kills=kills) for name, kills in SERIES.items()]
FIRST_NIGHT_STORIES = [
    Story(
        name="first night, killed in ingest, transform and activate",
        kills=(
            after(f"{INTAKE}._insert", call=2),
            Kill(function="dbt", mentions="int_consents__folded"),
            before(RECORD, mentions="activation"),
        ),
        first_night=True,
    )
]

# A newcomer objects between the kill and the next run, when a destination may have heard of them already.
OBJECTING = "C900000"
CHANGED_STORIES = [
    Story(name=f"somebody objects, {kill}", kills=(kill,), objecting=OBJECTING)
    for kill in (after(FILES + "FileDestination.remove"), after(FILES + "os.replace", mentions="add.csv"))
]


@pytest.fixture(scope="module")
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder in which the stories have been played that the selected tests ask for."""
    home = tmp_path_factory.mktemp("killed")
    asked_for = [item.callspec.params["story"] for item in request.session.items if has_story(item)]
    lenient_policy(home / "policy")
    generate(home / "crm 1", customers=700, seed=6, as_of=FIRST.date())
    the_next_day(home / "crm 1", home / "crm 2")
    plan = Plan(
        home=str(home),
        policy=str(home / "policy"),
        key=KEY,
        crm=(str(home / "crm 1"), str(home / "crm 2")),
        as_of=(FIRST.isoformat(), SECOND.isoformat()),
        stories=tuple(dict.fromkeys(asked_for)),
    )
    endings = play(plan)
    (home / "endings.json").write_text(json.dumps(endings))
    yield home
    shutil.rmtree(home, ignore_errors=True)


def has_story(item: pytest.Item) -> bool:
    """True for a test of this module that is about one story."""
    return item.path == Path(__file__) and "story" in getattr(getattr(item, "callspec", None), "params", {})


def the_next_day(yesterday: Path, today: Path) -> None:
    """Write the extract of a day on which people came, went, withdrew, agreed, objected and asked to be erased."""
    shutil.copytree(yesterday, today)
    with (yesterday / "customers.csv").open(encoding="utf-8", newline="") as file:
        people = [row for row in csv.DictReader(file) if row["notes"] is not None and "@" in row["email"]]
    granted = Counter()
    with (yesterday / "consent_events.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            granted[row["customer_id"]] += row["action"] == "given" and row["occurred_at"] > "2026"
    willing = [row for row in people if granted[row["customer_id"]]]
    at = NEWCOMER["updated_at"]

    def event(number: int, customer: str, purpose: str, action: str) -> list[Any]:
        return [f"E9{number:05}", customer, purpose, action, "web", at, at, "v9", "en", "A", 365]

    add(
        today / "customers.csv",
        [
            (row | NEWCOMER | {"customer_id": f"C9{number:05}", "email": f"new{number}@mail.example"}).values()
            for number, row in enumerate(people[-25:])
        ],
    )
    purposes = ("email_marketing", "insurance_cross_sell")
    events = [event(number, f"C9{number:05}", purposes[number % 2], "given") for number in range(20)]
    events += [
        event(100 + number, row["customer_id"], purpose, "withdrawn")
        for number, (row, purpose) in enumerate((row, purpose) for row in willing[:40] for purpose in purposes)
    ]
    add(today / "consent_events.csv", events)
    add(
        today / "objections.csv",
        [[f"O9{number:05}", row["customer_id"], "profiling", "web", at] for number, row in enumerate(people[50:75])],
    )
    add(
        today / "privacy_requests.csv",
        [[f"R9{number}", row["customer_id"], "erasure", at] for number, row in enumerate(willing[60:66])],
    )


def add(path: Path, rows: list[Any]) -> None:
    """Append rows to a CSV file."""
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


NOISY = "fct_active_customers_by_month"


@cache
def look_into_release(folder: Path) -> dict[str, list[tuple]]:
    """Return every row that readers see."""
    # A noisy mart is drawn anew by every company, and the seal is on all that is published.
    return {mart: rows for mart, rows in released(folder).items() if mart not in (NOISY, "releases", "manifest")}


def zone_rows(folder: Path, zone: str, statements: dict[str, str]) -> dict[str, list[tuple]]:
    """Ask an encrypted zone of a story."""
    warehouse = DuckDBWarehouse(Settings(data=folder / "data", key=SecretStr(KEY)))
    with warehouse.session(reads=[zone]) as session:
        return {name: session.rows(statement) for name, statement in statements.items()}


@cache
def personal(folder: Path) -> dict[str, list[tuple]]:
    """Return the personal marts, what is accepted, and what is still open."""
    marts = {audience: f"from personal.{audience} order by all" for audience in AUDIENCES}
    members = "select audience, member_id, subject_id, fields from personal.members order by all"
    return zone_rows(
        folder,
        "personal",
        {**marts, "members": members, "pending": "select count(*) from personal.pending_changes"},
    )


@cache
def restricted(folder: Path) -> dict[str, list[tuple]]:
    """Return how many rows each table of the restricted zone has."""
    warehouse = DuckDBWarehouse(Settings(data=folder / "data", key=SecretStr(KEY)))
    with warehouse.session(reads=["restricted"]) as session:
        names = session.rows(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'restricted' order by 1"
        )
        return {name: session.rows(f"select count(*) from restricted.{name}") for (name,) in names}


def activated(entries: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return how many were added and removed, by night and audience, according to the ledger."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for entry in entries:
        if entry["kind"] == "activation":
            facts, place = entry["facts"], (entry["at"], entry["facts"]["audience"])
            added, removed = sums.get(place, (0, 0))
            sums[place] = (added + facts["added"], removed + facts["removed"])
    return sums


def undisturbed(home: Path, story: Story) -> Path:
    """Return the folder of the night that nobody killed."""
    return home / ("undisturbed first" if story.first_night else "undisturbed")


def every_story(test: Callable) -> Callable:
    """Run a test for every story."""
    return pytest.mark.parametrize("story", [*STORIES, *FIRST_NIGHT_STORIES], ids=lambda story: story.name)(test)


def test_the_second_night_has_something_to_do(home: Path) -> None:
    """What is killed here removes, adds, erases and releases: else nothing would be proved (S01)."""
    entries = [entry for entry in ledger(home / "undisturbed") if entry["at"] == SECOND.isoformat()]
    kinds = Counter(entry["kind"] for entry in entries)
    assert kinds == {"erasure": 1, "crossing": 1, "release": 1, "activation": 3}
    assert all(min(counts) > 0 for counts in activated(entries).values())
    (released_marts,) = [entry["facts"]["marts"] for entry in entries if entry["kind"] == "release"]
    assert {mart["verdict"] for mart in released_marts.values()} == {"released"}


@every_story
def test_the_night_was_killed_and_then_ran_to_its_end(home: Path, story: Story) -> None:
    """Every kill struck (a kill that misses proves nothing), and the run after it went through (S01)."""
    endings = json.loads((home / "endings.json").read_text())[story.name]
    failure = home / story.name / "failure.txt"
    assert not failure.exists(), failure.read_text()
    assert endings == [-signal.SIGPROF if kill.share_of_time else -signal.SIGKILL for kill in story.kills] + [0]


@every_story
def test_the_marts_are_the_same(home: Path, story: Story) -> None:
    """The anonymized file and the personal marts hold what they would have held (S01)."""
    assert look_into_release(home / story.name) == look_into_release(undisturbed(home, story))
    ours, theirs = personal(home / story.name), personal(undisturbed(home, story))
    assert {audience: ours[audience] for audience in AUDIENCES} == {
        audience: theirs[audience] for audience in AUDIENCES
    }
    assert restricted(home / story.name) == restricted(undisturbed(home, story))


@every_story
def test_nobody_was_sent_twice_and_nobody_forgotten(home: Path, story: Story) -> None:
    """Played back, the destinations hold the same members; none was added twice, none removed in vain (S42)."""
    found, wanted = told(home / story.name / "outbox"), told(undisturbed(home, story) / "outbox")
    assert {name: audience.members for name, audience in found.items()} == {
        name: audience.members for name, audience in wanted.items()
    }
    for audience in found.values():
        assert audience.added_twice == 0
        assert audience.removed_without_being_there == 0
        assert audience.removed_after_added == 0
    zone = personal(home / story.name)
    assert zone["pending"] == [(0,)]
    assert {(audience, member) for audience, member, *_ in zone["members"]} == {
        (name, member) for name, audience in found.items() for member in audience.members
    }
    assert zone["members"] == personal(undisturbed(home, story))["members"]


@pytest.mark.parametrize("story", CHANGED_STORIES, ids=lambda story: story.name)
def test_who_objects_between_kill_and_next_run_is_taken_out(home: Path, story: Story) -> None:
    """Whatever had reached the destination is built upon, not repeated: they leave, everybody else is as before (S21)."""
    assert json.loads((home / "endings.json").read_text())[story.name] == [-9, 0]
    found, wanted = told(home / story.name / "outbox"), told(home / "undisturbed" / "outbox")
    zone = personal(home / story.name)
    for name, audience in found.items():
        assert (audience.added_twice, audience.removed_without_being_there, audience.removed_after_added) == (0, 0, 0)
        gone = wanted[name].members.keys() - audience.members.keys()
        assert len(gone) == (name != "aud_insurance_cross_sell__home_owners")
        assert audience.members.keys() < wanted[name].members.keys() or not gone
        assert {member for told_of, member, *_ in zone["members"] if told_of == name} == audience.members.keys()
    assert zone["pending"] == [(0,)]
    entries = ledger(home / story.name)
    assert chain_is_whole(entries)
    changes = [entry["facts"]["change_id"] for entry in entries if entry["kind"] == "activation"]
    assert len(changes) == len(set(changes))
    for name, audience in found.items():
        proved = [sums for (_, told_of), sums in activated(entries).items() if told_of == name]
        assert sum(added - removed for added, removed in proved) == len(audience.members)


@every_story
def test_the_ledger_is_whole_and_tells_each_thing_once(home: Path, story: Story) -> None:
    """The chain holds; releases, erasures and what was sent are proved once, with the right sums (S68)."""
    entries, wanted = ledger(home / story.name), ledger(undisturbed(home, story))
    assert chain_is_whole(entries)
    changes = [entry["facts"]["change_id"] for entry in entries if entry["kind"] == "activation"]
    assert len(changes) == len(set(changes))
    assert activated(entries) == activated(wanted)
    for kind in ("release", "erasure"):
        assert [(entry["at"], without_noise(entry["facts"])) for entry in entries if entry["kind"] == kind] == [
            (entry["at"], without_noise(entry["facts"])) for entry in wanted if entry["kind"] == kind
        ]


def without_noise(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what an entry says of anything but noise, which every company draws for itself."""
    marts = {mart: told for mart, told in facts.get("marts", {}).items() if mart != NOISY}
    named_after_it = ("release_id", "manifest")
    return {**{name: value for name, value in facts.items() if name not in named_after_it}, "marts": marts}


@every_story
def test_the_reports_count_the_whole_night(home: Path, story: Story) -> None:
    """Rows in, quarantined and forgotten are those of the night, not of its last attempt (S01)."""
    for stage in ("ingest", "forget", "transform", "release"):
        ours, theirs = report(home / story.name, story, stage), report(undisturbed(home, story), story, stage)
        assert ours == theirs


def report(folder: Path, story: Story, stage: str) -> Any:
    """Return a stage's report without its times, its places, and what only this attempt did."""
    moment = FIRST if story.first_night else SECOND
    told = json.loads((folder / "data" / "runs" / f"{moment:%Y%m%dT%H%M%SZ}" / f"{stage}.json").read_text())
    # Whoever an earlier attempt took out of an audience is not there to be taken out again.
    for name in ("seconds", "data_docs", "models", "withdrawn_from_audiences"):
        told.pop(name, None)
    # Noise is drawn anew by every company, and names the release.
    told.pop("release_id", None)
    for block in ("door", "marts"):
        if block in told:
            told[block] = [
                {name: value for name, value in row.items() if name != "seconds"}
                for row in told[block]
                if row["mart"] != NOISY
            ]
    return told


@every_story
def test_nothing_half_written_stays_behind(home: Path, story: Story) -> None:
    """No half file lies where somebody could take it for a whole one, and no person in clear anywhere (S13)."""
    left = [
        path.relative_to(home / story.name)
        for folder in ("data", "outbox")
        for path in (home / story.name / folder).rglob("*")
        if path.is_file() and (".next" in path.name or "previous" in path.name or path.suffix == ".wal")
    ]
    assert left == []
    for audience in (home / story.name / "outbox").glob("*/*"):
        receipts = {path.name.removesuffix(".receipt.json") for path in audience.glob("*.receipt.json")}
        assert receipts == {path.name.removesuffix(".csv") for path in audience.glob("*.csv")}
