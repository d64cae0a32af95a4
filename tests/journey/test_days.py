"""Four nights in a row, told of people whose every step is visible; around them a company that stands still."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.bank import AUDIENCES, Night, audience_files, file_rows, lenient_policy, sha256
from support.leaks import Finder
from trustmart.errors import ActivationHeld
from trustmart.pipeline import night as run_night
from trustmart.pipeline import open_context
from trustmart.sources.synthetic import generate
from trustmart.warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NIGHTS = {number: datetime(2026, 11, 19 + number, 23, 59, 59, tzinfo=UTC) for number in (1, 2, 3, 4)}
EMAIL, INSURANCE, LOAN = AUDIENCES


@dataclass(frozen=True, kw_only=True)
class Person:
    """One of the people this is about."""

    number: str
    name: tuple[str, str]
    email: str
    born: str = "1980-02-01"
    housing_loan: str = "no"
    street: str = ""
    notes: str = ""

    def record(self, updated_at: str, **changed: str) -> list[str]:
        """Return a row of customers.csv."""
        given_name, surname = self.name
        street = self.street or f"7 {surname} Square"
        row = {
            "email": self.email,
            "birth_date": self.born,
            "balance": "100",
            **changed,
        }
        return [
            *(
                self.number,
                given_name,
                surname,
                row["email"],
                f"+4940{self.number[1:]}77",
                street,
                "Bremen",
                "28195",
            ),
            *(
                "DE",
                row["birth_date"],
                "f",
                "admin.",
                "single",
                "tertiary",
                row["balance"],
                self.housing_loan,
            ),
            *("no", "no", "700", "2015-01-01", updated_at, self.notes),
        ]


PEOPLE = {
    person.name[0]: person
    for person in (
        Person(number="C800001", name=("Ada", "Stays"), email="ada@mail.example", housing_loan="yes"),
        Person(number="C800002", name=("Ben", "Withdraws"), email="ben@mail.example"),
        Person(number="C800003", name=("Cleo", "Objects"), email="cleo@mail.example", housing_loan="yes"),
        Person(
            number="C800004",
            name=("Dan", "Forgotten-Byname"),
            email="Dan.Forgotten+bank@gmail.com",
            housing_loan="yes",
            notes="Dan Forgotten-Byname asked for a call",
        ),
        Person(number="C800005", name=("Eve", "Erased-Too"), email="eve@mail.example", housing_loan="yes"),
        Person(number="C800006", name=("Finn", "Freezes"), email="finn@mail.example", housing_loan="yes"),
        Person(number="C800007", name=("Gus", "Moves"), email="gus@old.example"),
        Person(number="C800008", name=("Hal", "Runsout"), email="hal@mail.example"),
        Person(number="C800009", name=("Ida", "Arrives"), email="ida@mail.example", housing_loan="yes"),
        Person(number="C800010", name=("Jon", "Agreesagain"), email="jon@mail.example"),
        Person(number="C800011", name=("Kim", "Shares"), email="home+kim@mail.example"),
        Person(number="C800012", name=("Leo", "Shares"), email="HOME@mail.example"),
        Person(number="C800013", name=("Mia", "Turnseighteen"), email="", born="2008-11-22", housing_loan="yes"),
        Person(number="C800014", name=("Nia", "Saysno"), email="nia@mail.example", housing_loan="yes"),
        Person(number="C800015", name=("Otto", "Inherits"), email="danforgotten@googlemail.com"),
    )
}


@dataclass(kw_only=True)
class Delivery:
    """What the CRM's extract has more on a day than on the day before."""

    customers: list[list[str]] = field(default_factory=list)
    transactions: list[list[str]] = field(default_factory=list)
    consent_events: list[list[str]] = field(default_factory=list)
    objections: list[list[str]] = field(default_factory=list)
    privacy_requests: list[list[str]] = field(default_factory=list)


def says(event: str, name: str, action: str, at: str, *, purpose: str = "email_marketing", days: str = "730") -> list:
    """Return a consent event."""
    return [event, PEOPLE[name].number, purpose, action, "web", at, at, "v1", "en", "A", days]


AGREED = "2026-11-01T10:00:00+01:00"
DAYS = {
    1: Delivery(
        customers=[
            *(person.record("2026-10-01T08:00:00Z") for name, person in PEOPLE.items() if name not in ("Ida", "Otto")),
            # Two records of Dan that go to quarantine: a day that does not exist, and a row cut short.
            PEOPLE["Dan"].record("2026-10-02T08:00:00Z", birth_date="1980-02-31"),
            PEOPLE["Dan"].record("2026-10-03T08:00:00Z")[:7],
        ],
        transactions=[["T800001", PEOPLE["Dan"].number, "2026-10-05T08:00:00Z", "10.00", "fuel", "Dan's own words"]],
        consent_events=[
            *(
                says(f"E80{number:02}", name, "given", AGREED)
                for number, name in enumerate(("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Kim", "Leo"))
            ),
            says("E8020", "Hal", "given", "2026-11-12T10:00:00Z", days="10"),
            says("E8021", "Jon", "given", "2026-09-01T10:00:00Z"),
            says("E8022", "Jon", "withdrawn", "2026-10-01T10:00:00Z"),
            says("E8023", "Dan", "given", AGREED, purpose="insurance_cross_sell", days="365"),
            says("E8024", "Finn", "given", AGREED, purpose="insurance_cross_sell", days="365"),
        ],
    ),
    2: Delivery(
        customers=[
            PEOPLE["Ida"].record("2026-11-21T08:00:00Z"),
            PEOPLE["Gus"].record("2026-11-21T09:00:00+02:00", email="gus@new.example"),
        ],
        consent_events=[
            says("E8030", "Ida", "given", "2026-11-21T08:05:00Z"),
            says("E8031", "Ben", "withdrawn", "2026-11-21T12:00:00-05:00"),
            says("E8032", "Leo", "refused", "2026-11-21T12:00:00Z"),
        ],
        objections=[["O8001", PEOPLE["Cleo"].number, "direct_marketing", "web", "2026-11-21T12:00:00Z"]],
        privacy_requests=[["R8001", PEOPLE["Finn"].number, "restriction", "2026-11-21T12:00:00Z"]],
    ),
    3: Delivery(
        consent_events=[says("E8040", "Jon", "given", "2026-11-22T10:00:00+01:00")],
        privacy_requests=[["R8002", PEOPLE["Dan"].number, "erasure", "2026-11-22T12:00:00Z"]],
    ),
    4: Delivery(
        customers=[
            # Dan comes again: a newer record, a broken one, and somebody else with his mailbox.
            PEOPLE["Dan"].record("2026-11-23T08:00:00Z", balance="250"),
            PEOPLE["Dan"].record("2026-11-23T09:00:00Z", birth_date="1980-02-31"),
            PEOPLE["Dan"].record("2026-11-23T10:00:00Z")[:6],
            PEOPLE["Otto"].record("2026-11-23T08:00:00Z"),
        ],
        transactions=[["T800002", PEOPLE["Dan"].number, "2026-11-23T08:00:00Z", "12.00", "fuel", "Dan's words again"]],
        consent_events=[
            says("E8050", "Dan", "given", "2026-11-23T08:00:00Z"),
            says("E8051", "Otto", "given", "2026-11-23T08:00:00Z"),
        ],
    ),
}

# Who is added (+) and removed (-), night by night. Gus's two addresses are two members.
CHANGES = {
    1: {
        EMAIL: {"+": {"Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Kim", "Leo"}},
        INSURANCE: {"+": {"Dan", "Finn"}},
        LOAN: {"+": {"Ada", "Cleo", "Dan", "Eve", "Finn", "Nia"}},
    },
    2: {
        EMAIL: {
            "-": {"Ben", "Cleo", "Finn", "Gus", "Kim", "Leo"},  # Kim, because Leo reads the same mailbox
            "+": {"Ida", "Gus, moved"},
        },
        INSURANCE: {"-": {"Finn"}},
        LOAN: {"-": {"Cleo", "Finn"}, "+": {"Ida"}},
    },
    3: {
        EMAIL: {"-": {"Dan", "Eve", "Hal"}, "+": {"Jon"}},
        INSURANCE: {"-": {"Dan"}},
        LOAN: {"-": {"Dan", "Eve", "Nia"}, "+": {"Mia"}},
    },
    4: {},
}


@dataclass(frozen=True, kw_only=True)
class State:
    """What was seen after a night."""

    reports: dict[str, Any]
    marts: dict[str, list[tuple]]
    audiences: dict[str, list[tuple]]
    ledger: list[dict[str, Any]]
    files: dict[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Days:
    """Four nights, and what was tried on copies between them."""

    deployment: Night
    after: dict[int, State]
    asked: dict[str, Any]
    rehearsal: State
    rebuilt: State
    refused: str


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    """Live through the four days."""
    home = tmp_path_factory.mktemp("days")
    deployment = Night(
        home=home,
        crm=home / "crm",
        as_of=NIGHTS[4],
        given_key="k" * 64,
        policy=lenient_policy(home / "policy"),
    )
    a_company_that_stands_still(deployment.crm)
    after: dict[int, State] = {}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TRUSTMART_CRM_FOLDER", str(deployment.crm))
        after[1] = live(deployment, 1, environment)
        deliver(deployment.crm, DAYS[2])
        rehearsal = live(deployment.copy(home / "rehearsal"), 2, environment, dry_run=True)
        after[2] = live(deployment, 2, environment, deliver_first=False)
        rebuilt, refused = rebuild_the_first_night(deployment.copy(home / "rebuilt"), environment)
        asked = {
            "erasure": ask(deployment, "erasure", "--customer-id", PEOPLE["Eve"].number),
            "objection": ask(deployment, "objection", "--customer-id", PEOPLE["Nia"].number, "--scope", "loan_offers"),
        }
        after[3] = live(deployment, 3, environment)
        after[4] = live(deployment, 4, environment)
    yield Days(deployment=deployment, after=after, asked=asked, rehearsal=rehearsal, rebuilt=rebuilt, refused=refused)
    shutil.rmtree(home, ignore_errors=True)


def a_company_that_stands_still(folder: Path) -> None:
    """Write a CRM of 700 people who have no loan and have never been asked anything."""
    generate(folder, customers=700, seed=21, as_of=NIGHTS[1].date())
    for name in ("consent_events", "objections", "privacy_requests"):
        path = folder / f"{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with (folder / "customers.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    loans = (header.index("has_housing_loan"), header.index("has_personal_loan"))
    for row in rows:
        for loan in loans:
            if len(row) > loan:
                row[loan] = "no"
    with (folder / "customers.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def deliver(folder: Path, delivery: Delivery) -> None:
    """Append a day to the extract."""
    for name, rows in vars(delivery).items():
        with (folder / f"{name}.csv").open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)


def live(
    deployment: Night,
    number: int,
    environment: pytest.MonkeyPatch,
    *,
    dry_run: bool = False,
    deliver_first: bool = True,
) -> State:
    """Run a night, with that day's delivery."""
    if deliver_first and not dry_run:
        deliver(deployment.crm, DAYS[number])
    environment.setenv("TRUSTMART_OUTBOX", str(deployment.outbox))
    context = open_context(as_of=NIGHTS[number], now=NIGHTS[number], settings=deployment.settings)
    return look(deployment, run_night(context, dry_run=dry_run))


def rebuild_the_first_night(deployment: Night, environment: pytest.MonkeyPatch) -> tuple[State, str]:
    """Run night 1 again when night 2 is over."""
    environment.setenv("TRUSTMART_OUTBOX", str(deployment.outbox))
    context = open_context(as_of=NIGHTS[1], now=NIGHTS[2], settings=deployment.settings)
    with pytest.raises(ActivationHeld) as held:
        run_night(context)
    return look(deployment, {}), str(held.value)


def ask(deployment: Night, *command: str) -> dict[str, Any]:
    """Type `trustmart request ...` on the third day."""
    done = deployment.type_in("request", *command, "--json", clock=datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
    assert done.returncode == 0, done.stderr
    assert "C8000" not in done.stdout + done.stderr
    return json.loads(done.stdout)


def look(deployment: Night, reports: dict[str, Any]) -> State:
    """Take down what everything looks like now."""
    with duckdb.connect(str(deployment.zones / "anonymized.duckdb"), read_only=True) as reader:
        names = [name for (name,) in reader.execute("select table_name from duckdb_tables()").fetchall()]
        marts = {name: reader.execute(f"from {name} order by all").fetchall() for name in names}
    with DuckDBWarehouse(deployment.settings).session(reads=["personal"]) as session:
        tables = [*AUDIENCES, "members", "pending_changes"]
        audiences = {
            name: session.rows(f"from personal.{name} order by all") if session.columns("personal", name) else []
            for name in tables
        }
    return State(
        reports=reports,
        marts=marts,
        audiences=audiences,
        ledger=[json.loads(line) for line in (deployment.data / "ledger.jsonl").read_text().splitlines()],
        files={
            str(path.relative_to(deployment.outbox)): path.read_bytes()
            for path in sorted(deployment.outbox.rglob("*"))
            if path.is_file()
        },
    )


# --- audiences --------------------------------------------------------------------------------------------------------


def member(audience: str, name: str) -> tuple[str, ...]:
    """Return what a destination is told of a person."""
    person = PEOPLE[name.partition(",")[0]]
    if audience == LOAN:
        return (*person.name, person.street or f"7 {person.name[1]} Square", "28195", "Bremen", "DE")
    address = "gus@new.example" if name == "Gus, moved" else person.email.strip().lower()
    return (sha256(address),)


@pytest.mark.parametrize("number", NIGHTS)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_night_sends_exactly_what_changed(days: Days, audience: str, number: int) -> None:
    """Withdrawal, objection, erasure, restriction, a move, a birthday, time itself: each is in the right file (S42)."""
    ids = {}
    for path in audience_files(days.deployment.outbox, audience, "add"):
        ids |= {row[0]: row[1:] for row in file_rows(path)}
    told = {sign: set() for sign in "-+"}
    for name in days.after[number].files.keys() - (days.after[number - 1].files.keys() if number > 1 else set()):
        path = days.deployment.outbox / name
        if path.suffix == ".csv" and path.parent.name == audience:
            told["+" if ".add." in path.name else "-"] |= {ids[row[0]] for row in file_rows(path)}
    wanted = CHANGES[number].get(audience, {})
    assert told == {sign: {member(audience, name) for name in wanted.get(sign, set())} for sign in "-+"}
    (counts,) = [
        entry for entry in days.after[number].reports["activate"]["audiences"] if entry["audience"] == audience
    ]
    assert (counts["removed"], counts["added"]) == (len(told["-"]), len(told["+"]))


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_removal_reaches_the_destination_before_an_addition(days: Days, audience: str) -> None:
    """Of one change, the remove file was complete before the add file was begun (S42)."""
    both = 0
    for removal in audience_files(days.deployment.outbox, audience, "remove"):
        addition = removal.with_name(removal.name.replace(".remove.", ".add."))
        if addition.exists():
            both += 1
            receipt = removal.with_suffix(".receipt.json")
            assert removal.stat().st_mtime_ns <= receipt.stat().st_mtime_ns < addition.stat().st_mtime_ns
    assert both == {EMAIL: 2, INSURANCE: 0, LOAN: 2}[audience]


@pytest.mark.parametrize("number", [2, 3, 4])
def test_what_was_sent_before_is_never_touched(days: Days, number: int) -> None:
    """A night adds files; it neither changes nor takes back what another system may have read (S68)."""
    before, after = days.after[number - 1].files, days.after[number].files
    assert {name: after.get(name) for name in before} == before


def test_a_removal_says_no_more_than_it_must(days: Days) -> None:
    """A remove file names the member id and the hash the destination knows; names and streets stay home (S68)."""
    for audience in AUDIENCES:
        for path in audience_files(days.deployment.outbox, audience, "remove"):
            header = path.read_text().splitlines()[0]
            assert header == ("member_id" if audience == LOAN else "member_id,email_sha256")


def test_a_night_without_changes_sends_and_records_nothing(days: Days) -> None:
    """Dan's return and Otto in his mailbox change no audience: no file, no entry in the ledger (S42)."""
    assert days.after[4].files == days.after[3].files
    entries = [entry["kind"] for entry in days.after[4].ledger[len(days.after[3].ledger) :]]
    assert "activation" not in entries


def test_every_night_is_in_the_ledger(days: Days) -> None:
    """Changes sent, releases and erasures stand there once each, in the order in which they happened (S68)."""
    entries = days.after[4].ledger
    assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
    erasures = [(entry["at"], entry["facts"]["people"]) for entry in entries if entry["kind"] == "erasure"]
    assert erasures == [(NIGHTS[3].isoformat(), 2)]
    released = [entry["at"] for entry in entries if entry["kind"] == "release"]
    assert released == [night.isoformat() for night in NIGHTS.values()]
    sent = [(entry["at"], entry["facts"]["audience"]) for entry in entries if entry["kind"] == "activation"]
    assert sent == [(NIGHTS[n].isoformat(), audience) for n, changes in CHANGES.items() for audience in changes]


# --- erasure ----------------------------------------------------------------------------------------------------------


def values_of(name: str) -> dict[str, str]:
    """Return everything that could tell of a person, in small letters."""
    person = PEOPLE[name]
    address = person.email.lower()
    local, _, domain = address.partition("@")
    values = {
        person.number: "number",
        person.name[1]: "surname",
        address: "email",
        f"{local.partition('+')[0]}@{domain}": "mailbox",
        f"{local.partition('+')[0].replace('.', '')}@gmail.com": "mailbox",
        sha256(address): "hash",
        f"+4940{person.number[1:]}77": "phone",
        "dan's": "memo",
    }
    return {value.lower(): kind for value, kind in values.items()}


def found_in_zones(deployment: Night, name: str, *, also: dict[str, str]) -> dict[str, dict[str, int]]:
    """Search every value of every table of all three zones."""
    finder = Finder(values_of(name) | also)
    found = {}
    with DuckDBWarehouse(deployment.settings).session(reads=["restricted", "personal", "anonymized"]) as session:
        tables = session.rows(
            "select database_name || '.' || schema_name || '.' || table_name from duckdb_tables() union all"
            " select database_name || '.' || schema_name || '.' || view_name from duckdb_views() where not internal"
        )
        for (table,) in tables:
            text = "\n".join("\t".join(map(str, row)) for row in session.rows(f"from {table}"))
            if kinds := dict(finder.find(text.lower().encode())):
                found[table] = kinds
    return found


def subject_of(deployment: Night, name: str) -> dict[str, str]:
    """Return our own name for somebody, if the zone still knows it."""
    with DuckDBWarehouse(deployment.settings).session(reads=["restricted"]) as session:
        rows = session.rows(
            "select distinct subject_id from restricted.raw_crm__customers where customer_id_crm = ?",
            [PEOPLE[name].number],
        )
    return {subject: "subject_id" for (subject,) in rows}


@pytest.mark.parametrize("name", ["Dan", "Eve"])
def test_an_erased_person_is_in_no_table_of_any_zone(days: Days, name: str) -> None:
    """After the night, and after the CRM has delivered them again, no table and no view knows them (S62)."""
    before = found_in_zones(days.deployment.home_copy("rehearsal"), name, also={})
    assert len(before) > 5, "the search would not have found them while they were there"
    subject = subject_of(days.deployment.home_copy("rehearsal"), name)
    assert len(subject) == 1
    found = found_in_zones(days.deployment, name, also=subject)
    # Otto, who has Dan's old mailbox, is another customer.
    others = {"mailbox"} if name == "Dan" else set()
    assert {table: kinds for table, kinds in found.items() if set(kinds) - others} == {}


def test_an_erased_person_who_is_delivered_again_is_counted_and_not_kept(days: Days) -> None:
    """Dan's new rows are quarantined by count: rows in are still rows loaded plus rows quarantined (S62)."""
    tables = {entry["table"]: entry for entry in days.after[4].reports["ingest"]["tables"]}
    for entry in tables.values():
        assert entry["rows_in"] == entry["loaded"] + entry["quarantined"]
    assert tables["transactions"]["reasons"]["erased_subject"] == 2
    assert tables["consent_events"]["reasons"]["erased_subject"] >= 3
    assert days.after[4].reports["forget"]["erased"] == 0
    assert days.after[4].reports["forget"]["erased_before"] == 2


def test_a_request_from_the_front_door_counts_like_one_from_the_crm(days: Days) -> None:
    """Eve asked through `trustmart request`, Dan through the CRM: both are forgotten in the same night (S62)."""
    assert re.fullmatch(r"TM-[0-9a-f]{12}", days.asked["erasure"]["request_id"])
    assert days.after[2].reports["forget"]["erased"] == 0
    assert days.after[3].reports["forget"]["erased"] == 2
    assert days.after[3].reports["forget"]["withdrawn_from_audiences"] >= 5
    assert days.asked["objection"]["kind"] == "objection"


# --- looking back, and looking ahead --------------------------------------------------------------------------------


def test_a_past_night_is_rebuilt_as_it_was(days: Days) -> None:
    """With as_of, night 1 gives its own marts again, although newer data is there (S11)."""
    rebuilt, first = dict(days.rebuilt.marts), dict(days.after[1].marts)
    ((number, release_id, digest, _),) = rebuilt.pop("manifest")
    ((first_number, first_id, first_digest, _),) = first.pop("manifest")
    assert rebuilt == first
    # Published anew, it is a link of its own behind night 2, of the same release.
    assert (first_number, number, release_id) == (1, 3, first_id)
    assert digest != first_digest
    assert {**days.after[2].marts, "manifest": None} != {**days.after[1].marts, "manifest": None}
    for audience in AUDIENCES:
        assert days.rebuilt.audiences[audience] == days.after[1].audiences[audience]


def test_a_past_night_refuses_to_send(days: Days) -> None:
    """People have decided since: nothing leaves, nothing is remembered as sent, and the message says so (S42)."""
    assert NIGHTS[2].isoformat() in days.refused
    assert "trustmart activate --dry-run" in days.refused
    assert days.rebuilt.files == days.after[2].files
    assert days.rebuilt.audiences["members"] == days.after[2].audiences["members"]
    entries = days.rebuilt.ledger[len(days.after[2].ledger) :]
    assert [entry["kind"] for entry in entries] == ["release"]


def test_a_dry_run_says_what_would_change_and_writes_nothing(days: Days) -> None:
    """The rehearsal of night 2 counts what night 2 then does, and neither file, member nor ledger entry is made (S42)."""
    counts = [
        [
            (told["audience"], told["added"], told["removed"], told["kept"])
            for told in state.reports["activate"]["audiences"]
        ]
        for state in (days.rehearsal, days.after[2])
    ]
    assert counts[0] == counts[1]
    assert sum(removed for _, _, removed, _ in counts[0]) == 9
    assert [told["sent"] for told in days.rehearsal.reports["activate"]["audiences"]] == [0, 0, 0]
    assert days.rehearsal.files == days.after[1].files
    assert days.rehearsal.audiences["members"] == days.after[1].audiences["members"]
    assert days.rehearsal.audiences["pending_changes"] == []
    entries = days.rehearsal.ledger[len(days.after[1].ledger) :]
    # What is built is released, and who is scored is registered; a rehearsal only sends nothing.
    assert [entry["kind"] for entry in entries] == ["crossing", "release"]
