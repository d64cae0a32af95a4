"""What the bank's night must come to, in plain Python from the six CSV files: an opinion of its own.

No rule is taken from the product, so that what it has wrong cannot be wrong in the same way twice. Below that: how a
night is run as a user would run it, for the tests that look at what it left behind.
"""

import atexit
import csv
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from email_validator import EmailNotValidError, validate_email

from trustmart.settings import Settings
from trustmart.sources.synthetic import generate

PROJECT = Path(__file__).resolve().parents[2]
BANK_CRM = PROJECT.parent / "shared" / "data" / "bank_crm"
NIGHT = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
FILES = ("customers", "transactions", "interactions", "consent_events", "objections", "privacy_requests")

Row = dict[str, str]


def read_rows(folder: Path, name: str) -> list[Row]:
    """Return the rows of one CSV file."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def policy_file(name: str) -> dict[str, Any]:
    """Return one policy file, every value as text: to YAML 1.1 Norway (`NO`) is `false`."""
    return yaml.load((PROJECT / "policy" / f"{name}.yml").read_text(encoding="utf-8"), yaml.BaseLoader)


def instant(text: str) -> datetime:
    """Read an instant with its offset, as UTC."""
    return datetime.fromisoformat(text.strip()).astimezone(UTC)


def day(text: str) -> date | None:
    """Read a day; None where there is none or it does not exist."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def has_reached(birth: date, years: int, on: date) -> bool:
    """True from the birthday on (1 March for the 29th of February in a year without one)."""
    try:
        birthday = birth.replace(year=birth.year + years)
    except ValueError:
        birthday = date(birth.year + years, 3, 1)
    return on >= birthday


@cache
def usable_email(text: str) -> str | None:
    """Return an address in small letters, or None where it is none."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.normalized.lower()


def mailbox_of(address: str) -> str:
    """Return what two addresses of one mailbox have in common."""
    local, domain = address.rsplit("@", 1)
    local = local.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        return local.replace(".", "") + "@gmail.com"
    return f"{local}@{domain}"


def sha256(text: str) -> str:
    """Return the digest in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Consent:
    """Where somebody stands with a purpose."""

    state: str
    event_id: str = ""
    decided_at: datetime | None = None


class Crm:
    """A CRM extract delivered in one night, and what may be done with its people."""

    def __init__(self, folder: Path, *, night: datetime) -> None:
        """Read the folder; night: the instant as of which everything in it was received."""
        self.folder = folder
        self.night = night
        self.rows = {name: read_rows(folder, name) for name in FILES}
        self.purposes = policy_file("purposes")["purposes"]
        laws = policy_file("jurisdictions")
        self._default_age = int(laws["default_age_of_digital_consent"])
        self._ages = {country: int(law["age_of_digital_consent"]) for country, law in laws["jurisdictions"].items()}

    def is_quarantined(self, row: Row) -> bool:
        """True where a customer's birth date is no day, before 1900 or in the future."""
        text = row["birth_date"].strip()
        if not text:
            return False
        birth = day(text)
        return birth is None or birth.year < 1900 or birth > self.night.date()

    @cached_property
    def loaded(self) -> list[Row]:
        """Return the customer records that can be read."""
        return [row for row in self.rows["customers"] if not self.is_quarantined(row)]

    @cached_property
    def erased(self) -> set[str]:
        """Return who asked to be erased."""
        return {row["customer_id"] for row in self.rows["privacy_requests"] if row["kind"] == "erasure"}

    @cached_property
    def customers(self) -> dict[str, Row]:
        """Return the newest record of everybody who is not erased."""
        newest: dict[str, Row] = {}
        for row in self.loaded:
            number = row["customer_id"]
            if number in self.erased:
                continue
            if number not in newest or instant(row["updated_at"]) > instant(newest[number]["updated_at"]):
                newest[number] = row
        return newest

    @cached_property
    def restricted(self) -> set[str]:
        """Return who asked for their data to be frozen, whatever the date on it: the request is in hand."""
        return {row["customer_id"] for row in self.rows["privacy_requests"] if row["kind"] == "restriction"}

    @cached_property
    def objections(self) -> dict[str, set[str]]:
        """Return what each person objects to; an objection in hand counts at once."""
        scopes = defaultdict(set)
        for row in self.rows["objections"]:
            scopes[row["customer_id"]].add(row["scope"])
        return scopes

    @cached_property
    def events(self) -> dict[tuple[str, str], list[Row]]:
        """Return each person's and purpose's consent events, every event once."""
        once = {row["event_id"]: row for row in self.rows["consent_events"]}
        found = defaultdict(list)
        for row in once.values():
            found[row["customer_id"], row["purpose"]].append(row)
        return found

    def consent(self, customer: str, purpose: str, *, at: datetime) -> Consent:
        """Return the state at an instant: the newest decision by UTC date, at a tie the no; a no in hand counts."""
        decisions = []
        for row in self.events.get((customer, purpose), []):
            if row["action"] == "requested":
                continue
            is_no, dated = row["action"] != "given", instant(row["occurred_at"])
            counts_from = min(dated, self.night) if is_no else dated
            if counts_from <= at:
                decisions.append((dated, is_no, row["event_id"], counts_from, row))
        if not decisions:
            return Consent(state="unknown")
        _, is_no, event_id, decided_at, row = max(decisions, key=lambda decision: decision[:3])
        if is_no:
            state = "withdrawn" if row["action"] == "withdrawn" else "denied"
            return Consent(state=state, event_id=event_id, decided_at=decided_at)
        state = "granted" if at < decided_at + timedelta(days=self._valid_for_days(row)) else "expired"
        return Consent(state=state, event_id=event_id, decided_at=decided_at)

    def _valid_for_days(self, row: Row) -> int:
        """Return the shorter of the event's validity and the policy's."""
        limits = [int(self.purposes[row["purpose"]]["valid_for_days"])]
        if row["valid_for_days"].strip():
            limits.append(int(row["valid_for_days"]))
        return min(limits)

    def age_of_digital_consent(self, row: Row) -> int:
        """Return from which age a person of this country may consent."""
        return self._ages.get(row["country"].strip().upper(), self._default_age)

    def obstacles(self, customer: str, purpose: str, *, at: datetime) -> set[str]:
        """Return everything that stands in the way of a purpose, not only the first of it."""
        row, rule = self.customers[customer], self.purposes[purpose]
        found = set()
        if customer in self.restricted:
            found.add("restricted")
        if self.objections.get(customer, set()) & set(rule["objections"]):
            found.add("objecting")
        birth, consent_age = day(row["birth_date"]), self.age_of_digital_consent(row)
        if birth is None:
            found.add("without birth date")
        elif not has_reached(birth, consent_age, at.date()):
            found.add("under the age of digital consent")
        elif not has_reached(birth, int(rule.get("minimum_age", 0)), at.date()):
            found.add("under the purpose's age")
        if NEEDS_CONSENT[purpose]:
            consent = self.consent(customer, purpose, at=at)
            if consent.state != "granted":
                found.add({"unknown": "not asked", "denied": "refused"}.get(consent.state, consent.state))
            elif birth and consent.decided_at and not has_reached(birth, consent_age, consent.decided_at.date()):
                found.add("under the age of digital consent when asked")
        return found

    def mailbox(self, customer: str) -> str | None:
        """Return the mailbox a person is reached by."""
        address = usable_email(self.customers[customer]["email"])
        return mailbox_of(address) if address else None

    def letter_box(self, customer: str) -> str | None:
        """Return the name and address on a letter; None where any part of it is missing."""
        parts = [self.customers[customer][name].strip() for name in LETTER]
        return "|".join(parts).lower() if all(parts) else None

    @cached_property
    def erased_mailboxes(self) -> set[str]:
        """Return every mailbox an erased person had, in any version of their record."""
        rows = [row for row in self.loaded if row["customer_id"] in self.erased]
        addresses = [usable_email(row["email"]) for row in rows]
        return {mailbox_of(address) for address in addresses if address}

    def permitted(self, purpose: str, *, at: datetime) -> set[str]:
        """Return whom a purpose may use: nothing in the way, and nobody at the same contact point who says no."""
        reached_by = self.mailbox if purpose in BY_EMAIL else self.letter_box
        willing, unwilling_points, points = set(), set(), {}
        for customer in self.customers:
            points[customer] = reached_by(customer)
            if self.obstacles(customer, purpose, at=at):
                unwilling_points.add(points[customer])
            else:
                willing.add(customer)
        if purpose in BY_EMAIL:
            unwilling_points |= self.erased_mailboxes
        return {who for who in willing if points[who] is not None and points[who] not in unwilling_points}

    def audience(self, audience: str, *, at: datetime) -> set[str]:
        """Return who belongs to an audience at an instant."""
        purpose, segment = AUDIENCES[audience]
        return {who for who in self.permitted(purpose, at=at) if segment(self.customers[who])}

    def on_the_wire(self, audience: str, customers: Iterable[str]) -> set[tuple[str, ...]]:
        """Return what a destination is told of these people."""
        if AUDIENCES[audience][0] == "loan_offers":
            return {tuple(harmless(self.customers[who][name].strip()) for name in LETTER) for who in customers}
        return {(sha256(str(usable_email(self.customers[who]["email"]))),) for who in customers}


# What the bank's three audiences stand on, in our own opinion: the engine must come to the same.
NEEDS_CONSENT = {"email_marketing": True, "insurance_cross_sell": True, "loan_offers": False}
BY_EMAIL = {"email_marketing", "insurance_cross_sell"}
LETTER = ("given_name", "surname", "street", "postcode", "city", "country")
AUDIENCES = {
    "aud_email_marketing__active_customers": ("email_marketing", lambda row: True),
    "aud_insurance_cross_sell__home_owners": (
        "insurance_cross_sell",
        lambda row: row["has_housing_loan"] == "yes",
    ),
    "aud_loan_offers__good_standing": (
        "loan_offers",
        lambda row: "yes" in (row["has_housing_loan"], row["has_personal_loan"]) and row["in_default"] == "no",
    ),
}
FOLDERS = {
    "aud_email_marketing__active_customers": "campaign_tool",
    "aud_insurance_cross_sell__home_owners": "campaign_tool",
    "aud_loan_offers__good_standing": "letter_shop",
}


def harmless(value: str) -> str:
    """Return a value as a spreadsheet may open it (OWASP, "CSV Injection")."""
    return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def audience_files(outbox: Path, audience: str, operation: str) -> list[Path]:
    """Return the add or remove files of an audience, oldest first."""
    folder = outbox / FOLDERS[audience] / audience
    return sorted(folder.glob(f"*.{operation}.csv"), key=lambda path: path.stat().st_mtime_ns)


def file_rows(path: Path) -> list[tuple[str, ...]]:
    """Return the rows of an audience file without its header."""
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


@dataclass(frozen=True, kw_only=True)
class Night:
    """A deployment below one folder, and the night it ran: where everything is, and what it said."""

    home: Path
    crm: Path
    as_of: datetime
    given_key: str | None = None
    policy: Path = PROJECT / "policy"

    @property
    def data(self) -> Path:
        """Return the folder of zones, reports and ledger."""
        return self.home / "data"

    @property
    def zones(self) -> Path:
        """Return the folder of the zone files."""
        return self.data / "warehouse"

    @property
    def outbox(self) -> Path:
        """Return the folder of the audiences."""
        return self.home / "outbox"

    @property
    def said(self) -> Path:
        """Return the folder in which everything is kept that was printed."""
        return self.home / "said"

    @property
    def key(self) -> str:
        """Return the master key."""
        return self.given_key or (self.data / "key").read_text().strip()

    @property
    def settings(self) -> Settings:
        """Return the settings for a look from this process."""
        return Settings(data=self.data, key=self.key, policy=self.policy)

    def report(self, stage: str) -> dict[str, Any]:
        """Return what a stage reported."""
        return json.loads((self.run_folder / f"{stage}.json").read_text())

    @property
    def run_folder(self) -> Path:
        """Return the folder of the night's reports."""
        return self.data / "runs" / f"{self.as_of:%Y%m%dT%H%M%SZ}"

    def environment(self) -> dict[str, str]:
        """Return the environment of a user of this deployment: nothing is written anywhere else."""
        home, scratch = self.home / "home", self.home / "tmp"
        for folder in (home, scratch):
            folder.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        key = {"TRUSTMART_KEY": self.given_key} if self.given_key else {"TRUSTMART_GENERATE_KEY": "1"}
        return {
            **kept,
            **key,
            "HOME": str(home),
            "TMPDIR": str(scratch),
            "TRUSTMART_DATA": str(self.data),
            "TRUSTMART_OUTBOX": str(self.outbox),
            "TRUSTMART_CRM_FOLDER": str(self.crm),
            "TRUSTMART_POLICY": str(self.policy),
        }

    def type_in(self, *command: str, clock: datetime) -> subprocess.CompletedProcess[str]:
        """Run `trustmart ...` in a process of its own whose clock says what we say; keep what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", _TRUSTMART_AT, clock.isoformat(), *command],
            env=self.environment(),
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said.mkdir(exist_ok=True)
        number = len(list(self.said.iterdir()))
        (self.said / f"{number:02}-{command[0]}.txt").write_text(done.stdout + "\n--- stderr ---\n" + done.stderr)
        return done

    def copy(self, home: Path) -> "Night":
        """Return the same deployment in another folder, to do something to it."""
        for name in ("data", "outbox", "said"):
            if (self.home / name).exists():
                shutil.copytree(self.home / name, home / name, copy_function=_link_extensions)
        return replace(self, home=home)

    def home_copy(self, name: str) -> "Night":
        """Return the copy that was made below this deployment's own folder."""
        return replace(self, home=self.home / name)

    def key_of(self, zone: str) -> str:
        """Return the key of an encrypted zone, worked out by ourselves."""
        return hmac.digest(self.key.encode(), f"trustmart/zone/{zone}".encode(), hashlib.sha256).hex()


def _link_extensions(source: str, target: str) -> str:
    """Copy a file, but not the 20 MB of the engine's extension, which nobody changes."""
    return os.link(source, target) or target if source.endswith("_extension") else shutil.copy2(source, target)


# The real command, in a process whose clock is set.
_TRUSTMART_AT = """
import sys, time_machine
time_machine.travel(sys.argv.pop(1), tick=True).start()
from trustmart.cli import app
app(prog_name="trustmart")
"""


@cache
def bank_crm() -> Crm:
    """Return our own reading of the bank's CRM."""
    return Crm(BANK_CRM, night=NIGHT)


@cache
def bank_night() -> Night:
    """Run the bank's night once for all tests of this process, as a user would, at the very instant it speaks for."""
    key = hashlib.sha256(b"the bank's night").hexdigest()
    return _run(Night(home=_folder("bank"), crm=BANK_CRM, as_of=NIGHT, given_key=key))


@cache
def small_night() -> Night:
    """Run a night on a generated CRM of 3,000 customers, with a key that is made on the way.

    With 800, which half of the people a model learns from (that depends on the key) made G11 hold one night in a few.
    """
    home = _folder("small")
    generate(home / "crm", customers=3_000, seed=11, as_of=NIGHT.date())
    return _run(Night(home=home, crm=home / "crm", as_of=NIGHT, policy=lenient_policy(home / "policy")))


def lenient_policy(folder: Path) -> Path:
    """Copy the policy, letting marts go that suppress most of a small CRM."""
    shutil.copytree(PROJECT / "policy", folder)
    releases = folder / "releases.yml"
    releases.write_text(releases.read_text().replace("maximum_suppressed: 0.10", "maximum_suppressed: 1.0"))
    return folder


def _run(night: Night) -> Night:
    """Run a night."""
    command = ("night", "--crm", str(night.crm), "--as-of", f"{night.as_of:%Y-%m-%d}", "--json")
    done = night.type_in(*command, clock=night.as_of)
    if done.returncode:
        raise RuntimeError(f"the night ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return night


def _folder(name: str) -> Path:
    """Return a folder that is there until this process ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"trustmart-{name}-night-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def by_purpose(states: Mapping[tuple[str, str], str]) -> dict[str, int]:
    """Count states, for a message that names nobody."""
    counts: dict[str, int] = defaultdict(int)
    for (_, purpose), state in states.items():
        counts[f"{purpose}: {state}"] += 1
    return dict(counts)
