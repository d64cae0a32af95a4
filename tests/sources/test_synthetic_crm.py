"""The product's own CRM generator: as dirty as a bank's extract, in any size, the same every time."""

import csv
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from trustmart.sources.synthetic import dirt, generate
from trustmart.sources.synthetic.vocabulary import apportion, slug, vocabulary

BANK_CRM = Path(__file__).parents[3] / "shared/data/bank_crm"
FILES = ("customers", "transactions", "interactions", "consent_events", "objections", "privacy_requests")
AS_OF = date(2026, 11, 20)

Rows = list[dict[str, str]]


def records(path: Path) -> list[list[str]]:
    """The records of a CSV file, header first."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def readable(path: Path) -> Rows:
    """The rows of a generated CSV file without those it was spoilt with."""
    header, *rows = records(path)
    named = [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]
    return [row for row in named if not {dirt.NOT_A_NUMBER, dirt.IMPOSSIBLE_INSTANT} & set(row.values())]


def digests(folder: Path) -> dict[str, str]:
    """What every file of a folder hashes to."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def is_date(text: str) -> bool:
    """Whether the calendar has this day."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A CRM of two thousand customers, read once."""
    folder = tmp_path_factory.mktemp("crm")
    told: list[tuple[str, int]] = []
    rows = generate(folder, customers=2_000, progress=lambda name, count: told.append((name, count)))
    tables = {name: readable(folder / f"{name}.csv") for name in FILES}
    return SimpleNamespace(folder=folder, rows=rows, told=told, **tables)


@pytest.mark.bank_crm
@pytest.mark.parametrize("name", FILES)
def test_columns_are_those_of_the_bank_crm(crm: SimpleNamespace, name: str) -> None:
    """The generated CRM has the columns of the bank's extract, in their order (S01)."""
    if not BANK_CRM.is_dir():
        pytest.skip(f"the bank's CRM extract is not beside this checkout ({BANK_CRM})")
    with (BANK_CRM / f"{name}.csv").open(encoding="utf-8") as file:
        assert records(crm.folder / f"{name}.csv")[0] == next(csv.reader(file))


def test_same_seed_same_bytes(crm: SimpleNamespace, tmp_path: Path) -> None:
    """The same customers, seed and day give byte-identical files (S02)."""
    generate(tmp_path, customers=2_000)
    assert digests(tmp_path) == digests(crm.folder)


@pytest.mark.parametrize("change", [{"seed": 2}, {"as_of": date(2026, 11, 21)}])
def test_anything_else_differs(crm: SimpleNamespace, tmp_path: Path, change: dict) -> None:
    """Another seed or day gives another CRM in every file (S02)."""
    generate(tmp_path, customers=2_000, **change)
    ours, theirs = digests(crm.folder), digests(tmp_path)
    assert not [name for name in ours if ours[name] == theirs[name]]


def test_counts_are_exact(crm: SimpleNamespace) -> None:
    """The returned counts, and those told as progress, are the records a CSV reader finds (S03)."""
    found = {f"{name}.csv": len(records(crm.folder / f"{name}.csv")) - 1 for name in FILES}
    assert crm.rows == found
    assert crm.told == list(found.items())


def test_nothing_is_left_behind(crm: SimpleNamespace) -> None:
    """Files appear whole under their own names and no temporary file stays (S04)."""
    assert sorted(path.name for path in crm.folder.iterdir()) == sorted(f"{name}.csv" for name in FILES)


def test_an_interrupted_run_keeps_the_old_file(crm: SimpleNamespace, tmp_path: Path) -> None:
    """A file that could not be finished leaves the earlier one untouched (S04)."""
    earlier = tmp_path / "transactions.csv"
    earlier.write_text("yesterday")

    def stop(_name: str, _rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, customers=50, progress=stop)
    assert earlier.read_text() == "yesterday"


@pytest.mark.parametrize("customers", [1, 13])
def test_small_crms_are_complete(tmp_path: Path, customers: int) -> None:
    """A CRM of any size has every file, every kind of request and every scope of objection (S05)."""
    rows = generate(tmp_path, customers=customers)
    assert rows["interactions.csv"] == customers
    assert {row["kind"] for row in readable(tmp_path / "privacy_requests.csv")} == {
        "access",
        "erasure",
        "portability",
        "rectification",
        "restriction",
    }
    assert {row["scope"] for row in readable(tmp_path / "objections.csv")} == {
        "direct_marketing",
        "profiling",
        "loan_offers",
    }


def test_no_customers_is_refused(tmp_path: Path) -> None:
    """A CRM without customers is refused with the next move (S05)."""
    with pytest.raises(ValueError, match="customers=1"):
        generate(tmp_path, customers=0)


def test_parquet_holds_the_same_readable_rows(crm: SimpleNamespace, tmp_path: Path) -> None:
    """The Parquet variant has the columns and rows of the CSV one, unreadable rows excepted (S06)."""
    rows = generate(tmp_path, customers=2_000, file_format="parquet")
    for name in FILES:
        table = pq.read_table(tmp_path / f"{name}.parquet")
        expected = getattr(crm, name)
        assert rows[f"{name}.parquet"] == table.num_rows == len(expected)
        assert table.column_names == list(expected[0])
        found = [["" if value is None else str(value) for value in row.values()] for row in table.to_pylist()]
        assert found == [list(row.values()) for row in expected]


@pytest.mark.parametrize("name", ["customers", "transactions"])
def test_some_rows_cannot_be_read(crm: SimpleNamespace, name: str) -> None:
    """Short rows, numbers that are none and impossible instants stand among the others (S07)."""
    header, *rows = records(crm.folder / f"{name}.csv")
    short = [n for n, row in enumerate(rows) if len(row) < len(header)]
    not_numbers = [n for n, row in enumerate(rows) if dirt.NOT_A_NUMBER in row]
    impossible = [n for n, row in enumerate(rows) if dirt.IMPOSSIBLE_INSTANT in row]
    assert len(short) == len(not_numbers) == len(impossible) == 1
    assert max(short + not_numbers + impossible) < len(rows) - 1
    assert len(rows) == len(getattr(crm, name)) + dirt.unreadable_count(2_000)


def test_unreadable_rows_belong_to_nobody_else(crm: SimpleNamespace) -> None:
    """The identifier of an unreadable row is used by no other row (S07)."""
    for name in ("customers", "transactions"):
        identifiers = Counter(row[0] for row in records(crm.folder / f"{name}.csv"))
        known = {next(iter(row.values())) for row in getattr(crm, name)}
        assert all(identifiers[identifier] == 1 for identifier in identifiers.keys() - known)


CUSTOMER_DIRT: dict[str, Callable[[dict[str, str]], bool]] = {
    "blank e-mail": lambda row: row["email"] == "",
    "padded e-mail": lambda row: row["email"] != row["email"].strip(),
    "e-mail without @": lambda row: row["email"] != "" and "@" not in row["email"],
    "e-mail with @@": lambda row: "@@" in row["email"],
    "e-mail with a tag": lambda row: "+news@" in row["email"],
    "no phone": lambda row: row["phone"] == "",
    "missing birth date": lambda row: row["birth_date"] == "",
    "impossible birth date": lambda row: row["birth_date"] != "" and not is_date(row["birth_date"]),
    "minor": lambda row: "2008-11-20" < row["birth_date"] <= "2014-11-20",
    "missing gender": lambda row: row["gender"] == "",
    "third gender": lambda row: row["gender"] == "x",
    "accent": lambda row: any(letter in row["given_name"] + row["surname"] for letter in "éüłøã"),
    "apostrophe": lambda row: "'" in row["surname"],
    "CJK name": lambda row: any("\u3000" < letter < "\ud7af" for letter in row["surname"]),
    "spreadsheet formula": lambda row: row["surname"].startswith(("=", "@")),
    "SQL": lambda row: "DROP TABLE" in row["surname"],
    "split name": lambda row: " " in row["given_name"],
    "street with a comma": lambda row: "," in row["street"],
    "street with a quote and a newline": lambda row: '"' in row["street"] and "\n" in row["street"],
    "note that names the person": lambda row: f"{row['surname']} on {row['phone']};" in row["notes"],
    "offset in updated_at": lambda row: row["updated_at"].endswith("+02:00"),
    "negative balance": lambda row: row["balance_eur"].startswith("-"),
}


@pytest.mark.parametrize("kind", CUSTOMER_DIRT)
def test_customers_are_dirty(crm: SimpleNamespace, kind: str) -> None:
    """Every fault of the bank's customers appears among ours, and in few of them (S08)."""
    share = sum(map(CUSTOMER_DIRT[kind], crm.customers)) / len(crm.customers)
    assert 0 < share < 0.45


def test_emails_are_shared(crm: SimpleNamespace) -> None:
    """Some e-mail addresses belong to two customers (S08)."""
    owners = {(row["email"], row["customer_id"]) for row in crm.customers if row["email"]}
    shared = [email for email, count in Counter(email for email, _ in owners).items() if count > 1]
    assert 1 <= len(shared) <= 20


def test_phones_have_four_notations(crm: SimpleNamespace) -> None:
    """A German mobile number is written in four ways (S08)."""
    german = {re.sub(r"\d", "9", row["phone"]) for row in crm.customers if row["country"] == "DE"}
    assert len(german - {""}) == 4


def test_customers_come_twice(crm: SimpleNamespace) -> None:
    """A customer who comes twice has a newer version with another job (S08)."""
    versions: dict[str, Rows] = {}
    for row in crm.customers:
        versions.setdefault(row["customer_id"], []).append(row)
    twice = [sorted(rows, key=lambda row: row["updated_at"]) for rows in versions.values() if len(rows) == 2]
    assert len(versions) == 2_000
    assert 4 <= len(twice) <= 10
    assert all(old["job"] != new["job"] and old["email"] == new["email"] for old, new in twice)


def test_mail_domains_are_reserved(crm: SimpleNamespace) -> None:
    """No address of a generated customer can belong to a real person (S09)."""
    domains = {row["email"].strip().rpartition("@")[2] for row in crm.customers if "@" in row["email"]}
    assert all(re.search(r"(\.example|^[.-]?example\.(com|org|net))$", domain) for domain in domains)


def test_consent_events_are_dirty(crm: SimpleNamespace) -> None:
    """Consent events are redelivered, out of order, late, early, future and of strangers (S10)."""
    events, instant = crm.consent_events, datetime.fromisoformat
    occurred = [row["occurred_at"][:19] for row in events]
    assert {row["occurred_at"][19:] for row in events} == {"Z", "+00:00", "+01:00", "+02:00", "-05:00"}
    assert max(Counter(tuple(row.values()) for row in events).values()) == 2
    assert occurred != sorted(occurred)
    assert any(row["received_at"][:10] > row["occurred_at"][:10] for row in events)
    assert any(instant(row["received_at"]) < instant(row["occurred_at"]) for row in events)
    assert 0 < sum(moment > "2026-11-21" for moment in occurred) < 0.01 * len(events)
    strangers = {row["customer_id"] for row in events} - {row["customer_id"] for row in crm.customers}
    assert strangers == {"C999999"}


def test_consent_is_withdrawn_given_again_and_expired(crm: SimpleNamespace) -> None:
    """Some people withdraw, some of them think again, and old consent has run out (S10)."""
    courses: dict[tuple[str, str], set[tuple[int, str]]] = {}
    for row in crm.consent_events:
        step = int(row["event_id"][1:]) % 4
        courses.setdefault((row["customer_id"], row["purpose"]), set()).add((step, row["action"]))
    found = {" ".join(action for _, action in sorted(course)) for course in courses.values()}
    assert found >= {
        "requested",
        "requested refused",
        "requested given",
        "requested given withdrawn",
        "requested given withdrawn given",
    }
    days = {row["purpose"]: int(row["valid_for_days"]) for row in crm.consent_events}
    assert days == {
        "email_marketing": 730,
        "ad_personalization": 390,
        "insurance_cross_sell": 365,
        "partner_credit_score": 180,
    }
    given = [row for row in crm.consent_events if row["action"] == "given"]
    ages = [(AS_OF - date.fromisoformat(row["occurred_at"][:10])).days for row in given]
    assert any(age > days[row["purpose"]] for age, row in zip(ages, given, strict=True))


def test_interactions_are_plausible(crm: SimpleNamespace) -> None:
    """One contact in eight converts, more after an earlier success, and only those have a value (S11)."""
    converted = [row for row in crm.interactions if row["converted"] == "yes"]
    after_success = [row["converted"] for row in crm.interactions if row["previous_outcome"] == "success"]
    assert 0.09 < len(converted) / len(crm.interactions) < 0.15
    assert after_success.count("yes") > 0.4 * len(after_success)
    assert all((float(row["value_eur"]) > 0) == (row["converted"] == "yes") for row in crm.interactions)
    assert {row["channel"] for row in crm.interactions} == {"mobile_phone", "landline", "unknown"}
    first_contacts = [row for row in crm.interactions if row["previous_outcome"] == "unknown"]
    assert {row["days_since_previous"] for row in first_contacts} == {"-1"}


def test_jobs_go_with_age_education_and_balance(crm: SimpleNamespace) -> None:
    """Students are young, pensioners old, managers educated and richer than service staff (S11)."""
    by_job: dict[str, Rows] = {}
    for row in crm.customers:
        by_job.setdefault(row["job"], []).append(row)

    def mean(job: str, value: Callable[[dict[str, str]], float]) -> float:
        return sum(map(value, by_job[job])) / len(by_job[job])

    def born(row: dict[str, str]) -> int:
        return int(row["birth_date"][:4] or 1985)

    def balance(row: dict[str, str]) -> float:
        return float(row["balance_eur"])

    assert mean("student", born) > 1998 > 1965 > mean("retired", born)
    assert mean("management", lambda row: row["education"] == "tertiary") > 0.7
    assert mean("management", balance) > mean("services", balance)


def test_bookings_name_people_and_salaries_are_income(crm: SimpleNamespace) -> None:
    """A few memos name the account holder with an e-mail address, and salaries come in (S11)."""
    memos = [row["memo"] for row in crm.transactions if row["memo"]]
    assert 20 < len(memos) < 80
    assert any("@" in memo for memo in memos)
    salaries = [row["amount_eur"] for row in crm.transactions if row["merchant_category"] == "salary"]
    assert min(map(float, salaries)) > 0
    booked = [row["booked_at"] for row in crm.transactions]
    assert booked == sorted(booked)


def test_objectors_and_requesters_are_different_customers(crm: SimpleNamespace) -> None:
    """Nobody objects twice or asks twice, and all of them are customers (S12)."""
    known = {row["customer_id"] for row in crm.customers}
    for table in (crm.objections, crm.privacy_requests):
        people = [row["customer_id"] for row in table]
        assert len(set(people)) == len(people)
        assert set(people) <= known


@pytest.mark.parametrize("customers", [1, 2_000, 899_900, 899_998, 900_000, 1_000_000, 9_000_000])
def test_the_unknown_customer_is_nobody(customers: int) -> None:
    """However many customers there are, the unknown one is not among them (S12)."""
    number = int(dirt.unknown_customer(customers)[1:])
    assert number >= 100_000 + customers + dirt.unreadable_count(customers)


def test_word_lists_come_in_even_blocks() -> None:
    """The SQL may index the word lists by language, gender, job and country (S13)."""
    words = vocabulary()
    assert len(words["given_name"]) == 8 * 40
    assert len(words["surname"]) == 8 * 63
    assert len(words["street"]) == 8 * 19
    assert len(words["education_draw"]) == len(words["marital_draw"]) == 100 * len(words["job"])
    assert words["city_first"][-1] + words["city_count"][-1] == len(words["city"])


def test_apportion_leaves_no_word_out() -> None:
    """Weights become a list of exact length in which every word has a seat (S13)."""
    seats = apportion({"many": 990, "few": 9, "rare": 1}, 100)
    assert Counter(seats) == {"many": 98, "few": 1, "rare": 1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Łukasz", "lukasz"), ("Søren", "soren"), ("d'Aubigny", "daubigny"), ("Meißner", "meissner")],
)
def test_slugs_are_plain(name: str, expected: str) -> None:
    """A name becomes plain letters in an e-mail address (S13)."""
    assert slug(name) == expected
