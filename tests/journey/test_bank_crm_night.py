"""One night on the bank's CRM, as a user runs it, held against an independent reading of the same six files."""

import csv
import hashlib
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import duckdb
import pytest

from support.bank import (
    AUDIENCES,
    BANK_CRM,
    FILES,
    FOLDERS,
    LETTER,
    NEEDS_CONSENT,
    NIGHT,
    PROJECT,
    Crm,
    Night,
    audience_files,
    bank_crm,
    bank_night,
    by_purpose,
    day,
    file_rows,
    harmless,
    has_reached,
    mailbox_of,
    policy_file,
    sha256,
    usable_email,
)
from trustmart.warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.slow, pytest.mark.bank_crm, pytest.mark.timeout(1800)]

# A later clock: consents have run out since, and some that were dated in the future have begun.
LATER = datetime(2027, 3, 1, 12, 0, 0, tzinfo=UTC)
EMAIL_AUDIENCES = [audience for audience, folder in FOLDERS.items() if folder == "campaign_tool"]


@pytest.fixture(scope="module")
def crm() -> Crm:
    """Return our own reading of the files."""
    return bank_crm()


@pytest.fixture(scope="module")
def night(crm: Crm) -> Night:
    """Run the night once."""
    return bank_night()


@cache
def restricted(statement: str) -> list[tuple]:
    """Ask the restricted zone of the bank's night."""
    night = bank_night()
    warehouse = DuckDBWarehouse(night.settings)
    with warehouse.session(reads=["restricted"]) as session:
        return session.rows(statement)


@cache
def expected(audience: str, at: datetime = NIGHT) -> frozenset[str]:
    """Return who belongs to an audience, in our own opinion."""
    return frozenset(bank_crm().audience(audience, at=at))


def sent(night: Night, audience: str) -> list[tuple[str, ...]]:
    """Return what the night's one add file holds of each member, without the member id."""
    (path,) = audience_files(night.outbox, audience, "add")
    return [row[1:] for row in file_rows(path)]


# --- every row is somewhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table", ["customers", "transactions", "interactions", "consent_events", "objections", "privacy_requests"]
)
def test_every_row_of_every_file_is_loaded_or_quarantined(crm: Crm, night: Night, table: str) -> None:
    """The night's report counts as many rows as the csv module does, each of them in one place (S01)."""
    (told,) = [entry for entry in night.report("ingest")["tables"] if entry["table"] == table]
    quarantined = sum(map(crm.is_quarantined, crm.rows["customers"])) if table == "customers" else 0
    twice = len(crm.rows[table]) - len({tuple(row.values()) for row in crm.rows[table]})
    assert told["rows_in"] == len(crm.rows[table])
    assert told["quarantined"] == quarantined == sum(told["reasons"].values())
    assert told["loaded"] == len(crm.rows[table]) - quarantined
    assert told["redelivered"] == twice
    assert told["files"] == 1
    assert told["new_columns"] == []


@pytest.mark.parametrize(
    "table", ["customers", "transactions", "interactions", "consent_events", "objections", "privacy_requests"]
)
def test_the_zone_holds_exactly_the_rows_of_people_who_are_not_erased(crm: Crm, night: Night, table: str) -> None:
    """Not a row is lost or doubled on the way into raw, and none of an erased person stays (S01)."""
    key = {"customers": ("customer_id", "updated_at")}.get(table, (table_key(crm, table),))
    rows = crm.loaded if table == "customers" else crm.rows[table]
    wanted = {tuple(row[name] for name in key) for row in rows if row["customer_id"] not in crm.erased}
    held = restricted(f"select {key[0]}_crm, count(*) from restricted.raw_crm__{table} group by all")
    assert sum(number for _, number in held) == len(wanted)
    assert dict(held) == Counter(place[0] for place in wanted)


def table_key(crm: Crm, table: str) -> str:
    """Return the name of a table's own number: its first column."""
    return next(iter(crm.rows[table][0]))


def test_customers_loaded_duplicated_quarantined_and_forgotten_add_up(crm: Crm, night: Night) -> None:
    """45,361 records are 5 quarantined, 150 duplicates, the erased people's, and one for everybody else (S01)."""
    customers = night.report("transform")["customers"]
    forgotten = [row for row in crm.loaded if row["customer_id"] in crm.erased]
    kept = [row for row in crm.loaded if row["customer_id"] not in crm.erased]
    assert len(crm.rows["customers"]) == 45_361
    assert customers == {
        "records": len(crm.loaded),
        "forgotten": len(forgotten),
        "deduplicated": len(crm.customers),
        "duplicates": len(kept) - len(crm.customers),
    }
    quarantined = sum(map(crm.is_quarantined, crm.rows["customers"]))
    assert customers["deduplicated"] + customers["duplicates"] + customers["forgotten"] + quarantined == 45_361


def test_the_newest_record_of_a_customer_wins(crm: Crm, night: Night) -> None:
    """Of two records, the one with the newer updated_at by UTC instant stands in the marts' base (S01)."""
    held = dict(
        restricted(
            "select raw.customer_id_crm, kept.updated_at from restricted.int_customers__deduplicated as kept"
            " join (select distinct subject_id, customer_id_crm from restricted.raw_crm__customers) as raw"
            " using (subject_id)"
        )
    )
    newest = {number: row["updated_at"] for number, row in crm.customers.items()}
    moments = {number: datetime.fromisoformat(text).astimezone(UTC) for number, text in newest.items()}
    assert {number: moment.replace(tzinfo=UTC) for number, moment in held.items()} == moments


def test_every_quarantined_customer_is_kept_with_the_reason(crm: Crm, night: Night) -> None:
    """Whoever was born on the 29th of February 2031 waits in quarantine, record and reason kept (S01)."""
    held = restricted("select json_extract_string(record, '$.customer_id'), reason from restricted.quarantine")
    assert dict(held) == {
        row["customer_id"]: "impossible_date" for row in crm.rows["customers"] if crm.is_quarantined(row)
    }
    assert len(held) == 5


def test_rows_erased_are_all_the_rows_of_the_erased(crm: Crm, night: Night) -> None:
    """16 people are forgotten with every row they had in the six files (S62)."""
    told = night.report("forget")
    theirs = {
        name: {tuple(row.values()) for row in crm.rows[name] if row["customer_id"] in crm.erased} for name in crm.rows
    }
    assert told["erased"] == len(crm.erased) == 16
    assert told["rows_erased"] == sum(map(len, theirs.values()))
    assert told["restricted"] == len(crm.restricted) == 6
    assert told["objecting"] == len(set(crm.objections) - crm.erased)
    withdrawing = {row["customer_id"] for row in crm.rows["consent_events"] if row["action"] == "withdrawn"}
    assert told["withdrawn"] == len(withdrawing - crm.erased)


# --- consent -----------------------------------------------------------------------------------------------------


def test_the_consent_of_every_person_and_purpose_is_right(crm: Crm, night: Night) -> None:
    """Out of order, redelivered, future-dated, in five UTC offsets: all states agree with the reference (S42)."""
    held = {
        (number, purpose): (state, event, decided_at.replace(tzinfo=UTC))
        for number, purpose, state, event, decided_at in restricted(
            "select number, purpose, state, evidence_event_id, decided_at from restricted.int_consents__folded join"
            " (select distinct subject_id, customer_id_crm as number from restricted.raw_crm__consent_events)"
            " using (subject_id)"
        )
    }
    reference = {}
    for customer, purpose in crm.events:
        if customer not in crm.erased:
            consent = crm.consent(customer, purpose, at=NIGHT)
            if consent.state != "unknown":
                reference[customer, purpose] = (consent.state, consent.event_id, consent.decided_at)
    assert by_purpose({pair: state for pair, (state, *_) in held.items()}) == by_purpose(
        {pair: state for pair, (state, *_) in reference.items()}
    )
    differing = [pair for pair in held.keys() | reference.keys() if held.get(pair) != reference.get(pair)]
    assert len(differing) == 0, Counter(purpose for _, purpose in differing)
    # The extract has every state for every one of its four purposes, so agreeing means something.
    assert len(by_purpose({pair: state for pair, (state, *_) in reference.items()})) == 16


def test_the_reference_sees_the_dirt_that_the_extract_is_known_for(crm: Crm) -> None:
    """Late, early, repeated and far-travelled events are there, and would change the answer if ignored (S42)."""
    future = [row for row in crm.rows["consent_events"] if datetime.fromisoformat(row["occurred_at"]) > NIGHT]
    assert min(Counter(row["action"] for row in future)[action] for action in ("given", "withdrawn")) > 50
    naive_states = {
        pair: max(rows, key=lambda row: row["occurred_at"])["action"]  # as text, in whatever offset, the future too
        for pair, rows in crm.events.items()
    }
    words = {"given": "granted", "withdrawn": "withdrawn", "refused": "denied", "requested": "unknown"}
    changed = [pair for pair, action in naive_states.items() if crm.consent(*pair, at=NIGHT).state != words[action]]
    assert len(changed) > 1000


def test_why_a_purpose_may_not_use_somebody_is_one_of_the_reasons_there_are(crm: Crm, night: Night) -> None:
    """The reason the night gives for every customer × purpose is among all that stand in the way (S41)."""
    words = {
        "restricted": {"restricted"},
        "age_unknown": {"without birth date"},
        "under_age": {
            "under the age of digital consent",
            "under the purpose's age",
            "under the age of digital consent when asked",
        },
        "objected": {"objecting"},
        "not_asked": {"not asked"},
        "denied": {"refused"},
        "withdrawn": {"withdrawn"},
        "expired": {"expired"},
    }
    told = restricted(
        "select number, use_case, reason from restricted.int_subject_use_cases__decided join"
        " (select distinct subject_id, customer_id_crm as number from restricted.raw_crm__customers)"
        " using (subject_id)"
    )
    told = [row for row in told if row[1] in NEEDS_CONSENT]
    assert len(told) == len(crm.customers) * len(NEEDS_CONSENT)
    wrong = Counter()
    for customer, purpose, reason in told:
        obstacles = crm.obstacles(customer, purpose, at=NIGHT)
        if reason in words:
            wrong[purpose, reason] += not (obstacles & words[reason])
        else:
            wrong[purpose, reason] += bool(obstacles)
    assert not +wrong


# --- audiences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("audience", AUDIENCES)
def test_an_audience_is_exactly_who_may_be_in_it(crm: Crm, night: Night, audience: str) -> None:
    """Recomputed from the six files, nobody is in the file who must not be, and nobody is missing (S41, S42)."""
    rows = sent(night, audience)
    wanted = crm.on_the_wire(audience, expected(audience))
    assert len(rows) == len(set(rows)), "somebody is in the file twice"
    assert len(set(rows) - wanted) == 0, "somebody is in the audience who must not be"
    assert len(wanted - set(rows)) == 0, "somebody is missing who may be in it"
    assert len(rows) > 1000


OBSTACLES = [
    "restricted",
    "objecting",
    "without birth date",
    "under the age of digital consent",
    "under the purpose's age",
    "not asked",
    "refused",
    "withdrawn",
    "expired",
    "erased",
]
# Who cannot occur: loan offers ask for no consent, and e-mail marketing asks for no age but the country's.
ABSENT = {("aud_loan_offers__good_standing", why) for why in ("not asked", "refused", "withdrawn", "expired")} | {
    ("aud_email_marketing__active_customers", "under the purpose's age")
}


@pytest.mark.parametrize("why", OBSTACLES)
@pytest.mark.parametrize("audience", AUDIENCES)
def test_nobody_with_an_obstacle_is_in_an_audience(crm: Crm, night: Night, audience: str, why: str) -> None:
    """Neither the person nor anybody at the same contact point is in the file (S42)."""
    people = with_obstacle(crm, audience, why)
    points = contact_points_in(crm, night, audience)
    assert len(people & points) == 0
    assert people or (audience, why) in ABSENT


def with_obstacle(crm: Crm, audience: str, why: str) -> set[str | None]:
    """Return the contact points of everybody to whom the obstacle applies."""
    purpose, _ = AUDIENCES[audience]
    is_email = audience in EMAIL_AUDIENCES
    if why == "erased":
        rows = [row for row in crm.loaded if row["customer_id"] in crm.erased]
        addresses = {usable_email(row["email"]) for row in rows} - {None}
        letters = {letter(row) for row in rows}
        return {mailbox_of(address) for address in addresses if address} if is_email else set(letters)
    reached_by = crm.mailbox if is_email else crm.letter_box
    people = [who for who in crm.customers if why in crm.obstacles(who, purpose, at=NIGHT)]
    return {reached_by(who) for who in people} - {None}


def letter(row: dict[str, str]) -> str:
    """Return what identifies a letter box."""
    return "|".join(row[name].strip() for name in LETTER).lower()


def contact_points_in(crm: Crm, night: Night, audience: str) -> set[str | None]:
    """Return the mailboxes or letter boxes that an audience file reaches, by looking its rows up in the CRM."""
    if audience in EMAIL_AUDIENCES:
        mailboxes = defaultdict(set)
        for row in crm.rows["customers"]:
            if address := usable_email(row["email"]):
                mailboxes[sha256(address)].add(mailbox_of(address))
        found = [mailboxes[digest] for (digest,) in sent(night, audience)]
    else:
        letters = defaultdict(set)
        for row in crm.rows["customers"]:
            letters[tuple(harmless(row[name].strip()) for name in LETTER)].add(letter(row))
        found = [letters[row] for row in sent(night, audience)]
    assert all(found), "a row of the file belongs to nobody in the CRM"
    return set().union(*found)


def test_a_shared_mailbox_is_used_only_where_everybody_behind_it_agrees(crm: Crm, night: Night) -> None:
    """The extract has mailboxes that one agrees and another does not: none of them is written to (S42)."""
    audience = "aud_email_marketing__active_customers"
    behind = defaultdict(set)
    for who in crm.customers:
        behind[crm.mailbox(who)].add(who)
    used = contact_points_in(crm, night, audience)
    mixed, agreed = 0, 0
    for mailbox, people in behind.items():
        if mailbox is None or len(people) < 2:
            continue
        willing = [not crm.obstacles(who, "email_marketing", at=NIGHT) for who in people]
        if any(willing) and not all(willing):
            mixed += 1
            assert mailbox not in used
        if all(willing):
            agreed += 1
            assert mailbox in used or mailbox in crm.erased_mailboxes
    assert mixed > 0
    assert agreed > 0


@pytest.mark.parametrize("audience", AUDIENCES)
def test_formulas_and_line_breaks_leave_harmless_and_whole(crm: Crm, night: Night, audience: str) -> None:
    """No cell of a file starts a spreadsheet formula, and every record has its columns (S01)."""
    (path,) = audience_files(night.outbox, audience, "add")
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    columns = policy_file("destinations")["audiences"][audience]["columns"]
    assert header == ["member_id", *columns]
    assert {len(row) for row in rows} == {len(header)}
    assert not [1 for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    if audience not in EMAIL_AUDIENCES:
        assert any(cell.startswith("'=") for row in rows for cell in row), "the extract's formulas are not there"
        assert any("\n" in cell for row in rows for cell in row), "the extract's line breaks are not there"


# --- proof --------------------------------------------------------------------------------------------------------


def ledger_of(night: Night) -> list[dict]:
    """Return the entries of the ledger."""
    return [json.loads(line) for line in (night.data / "ledger.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("audience", AUDIENCES)
def test_receipts_and_ledger_say_what_the_files_hold(night: Night, audience: str) -> None:
    """Rows of the file, its receipt, the night's report and the ledger are one and the same number (S68)."""
    (path,) = audience_files(night.outbox, audience, "add")
    rows = len(file_rows(path))
    receipt = json.loads(path.with_suffix(".receipt.json").read_text())
    assert receipt["accepted"] == rows
    assert receipt["sha256"] == sha256_of_file(path)
    (told,) = [entry for entry in night.report("activate")["audiences"] if entry["audience"] == audience]
    assert (told["added"], told["removed"], told["kept"], told["sent"]) == (rows, 0, 0, rows)
    assert told["addressable"] == told["waterfall"][-1]["people"] == rows
    (entry,) = [
        entry for entry in ledger_of(night) if entry["kind"] == "activation" and entry["facts"]["audience"] == audience
    ]
    assert (entry["facts"]["added"], entry["facts"]["removed"]) == (rows, 0)
    assert entry["facts"]["change_id"] == receipt["change_id"] == path.name.split(".")[0]
    assert path.stat().st_mode & 0o077 == 0
    assert not audience_files(night.outbox, audience, "remove")


def sha256_of_file(path: Path) -> str:
    """Return a file's digest."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


# Microdata has no class size, and noisy counts are nobody's.
NOT_COUNTED = ("dim_customer_profiles", "fct_offer_profiles", "fct_active_customers_by_month")


def test_the_ledger_says_what_was_released_and_erased(crm: Crm, night: Night) -> None:
    """One entry for the release, with the marts' own figures, one for the erasures, one for each verdict (S68)."""
    entries = ledger_of(night)
    kinds = Counter(entry["kind"] for entry in entries)
    verdicts = len(policy_file("use_cases")["use_cases"])
    assert kinds == {
        "erasure": 1,
        "release": 1,
        "activation": 3,
        "crossing": 1,
        "decision": verdicts,
        "epoch": 2,
        "epsilon": 1,
    }
    (erasure,) = [entry["facts"] for entry in entries if entry["kind"] == "erasure"]
    assert erasure["people"] == len(crm.erased)
    assert erasure["rows"] == night.report("forget")["rows_erased"]
    (released,) = [entry["facts"]["marts"] for entry in entries if entry["kind"] == "release"]
    with duckdb.connect(str(night.data / "warehouse" / "anonymized.duckdb"), read_only=True) as reader:
        for mart, facts in released.items():
            assert facts["verdict"] == "released"
            if mart in NOT_COUNTED:
                continue
            rows, people, smallest = reader.execute(
                f"select count(*), sum(customers), min(customers) from {mart}"
            ).fetchone()
            assert (facts["rows"], facts["people"], facts["smallest_class"]) == (rows, people, smallest)
            assert smallest >= facts["minimum_class_size"] == 11


def test_segments_are_counted_right(crm: Crm, night: Night) -> None:
    """The published segments are those that the CSV files yield, less the rare ones (S12)."""
    seeds = PROJECT / "dbt_project" / "seeds" / "hierarchies"
    labels = {
        name: list(csv.DictReader((seeds / f"{name}.csv").open(encoding="utf-8", newline="")))
        for name in ("age_bands", "regions", "job_groups")
    }
    regions = {row["country"]: row["region"] for row in labels["regions"]}
    jobs = {row["job"]: row["job_group"] for row in labels["job_groups"]}
    classes: Counter[tuple[str, str, str]] = Counter()
    for who, row in crm.customers.items():
        if who not in crm.restricted:
            band = age_band(day(row["birth_date"]), labels["age_bands"])
            classes[band, regions.get(row["country"], "unknown"), jobs.get(row["job"], "unknown")] += 1
    with duckdb.connect(str(night.data / "warehouse" / "anonymized.duckdb"), read_only=True) as reader:
        published = reader.execute(
            "select age_band, region, job_group, customers from dim_customer_segments"
        ).fetchall()
    assert {tuple(row[:3]): row[3] for row in published} == {
        name: number for name, number in classes.items() if number >= 11
    }
    assert any(number < 11 for number in classes.values()), "there is nothing rare in the extract"


def age_band(birth: date | None, bands: list[dict[str, str]]) -> str:
    """Return the label of an age on the night."""
    if birth is None:
        return "unknown"
    for band in bands:
        old_enough = has_reached(birth, int(band["age_from"]), NIGHT.date())
        if old_enough and not has_reached(birth, int(band["age_to"]) + 1, NIGHT.date()):
            return band["age_band"]
    return "unknown"


# --- time goes on -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def later(night: Night, tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Send once more when months have passed since the marts were built, in a copy of everything."""
    afterwards = night.copy(tmp_path_factory.mktemp("later"))
    done = afterwards.type_in("activate", "--json", clock=LATER)
    assert done.returncode == 0, done.stderr[-2000:]
    return afterwards


@pytest.mark.parametrize("audience", AUDIENCES)
def test_consent_is_decided_once_more_at_the_clock_of_the_send(crm: Crm, later: Night, audience: str) -> None:
    """Whoever's consent ran out between marts and send is removed, and nobody is added by stale marts (S42)."""
    (added,) = audience_files(later.outbox, audience, "add")
    removed = [row for path in audience_files(later.outbox, audience, "remove") for row in file_rows(path)]
    member_ids = {row[0]: row[1:] for row in file_rows(added)}
    left = {member for name, member in member_ids.items() if name not in {row[0] for row in removed}}
    still = expected(audience) & expected(audience, LATER)
    assert left == crm.on_the_wire(audience, still)
    if audience in EMAIL_AUDIENCES:
        assert len(removed) > 50
        assert {row[1:] for row in removed} <= set(member_ids.values())
    else:
        # Nobody withdraws a consent that was never asked for: only who turned too old or objected may leave.
        assert len(member_ids) - len(removed) == len(still)


def test_the_files_of_the_bank_are_untouched(night: Night) -> None:
    """The extract is read where it is and nothing is written beside it (S01)."""
    assert {path.name for path in BANK_CRM.iterdir() if path.suffix != ".md"} == {f"{name}.csv" for name in FILES}
