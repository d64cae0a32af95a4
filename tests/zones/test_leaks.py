"""After a night, nothing of a customer is found outside the two encrypted files and the outbox."""

import csv
import hashlib
import hmac
import os
import stat
from pathlib import Path

import duckdb
import pytest

from support.bank import Night, bank_night, small_night
from support.leaks import PersonalValues, files_below, leaks_in, secrets_in
from trustmart.warehouse import DuckDBWarehouse
from trustmart.warehouse.duckdb import encryption_extension

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", params=["small", pytest.param("bank", marks=pytest.mark.bank_crm)])
def night(request: pytest.FixtureRequest) -> Night:
    """Run a night as a user would, and what a user types afterwards."""
    night = small_night() if request.param == "small" else bank_night()
    for command in (["status"], ["activate", "--dry-run"], ["activate", "--dry-run", "--json"]):
        assert night.type_in(*command, clock=night.as_of).returncode == 0
    return night


@pytest.fixture(scope="module")
def values(night: Night) -> PersonalValues:
    """Collect everything that names a customer, our own names for them included."""
    return PersonalValues(night.crm, subject_ids=[subject for _, subject in subjects(night)])


def subjects(night: Night) -> list[tuple[str, str]]:
    """Return every customer number with its subject id, from every raw table."""
    with DuckDBWarehouse(night.settings).session(reads=["restricted"]) as session:
        raws = [table for table in session.tables_with("restricted", "subject_id") if "raw_crm__" in table]
        parts = [f"select customer_id_crm, subject_id from {raw}" for raw in raws]
        return session.rows(" union ".join(parts))


def left_behind(night: Night) -> list[Path]:
    """Return every file that the night has written, less what is meant to hold people."""
    private = {night.zones / f"{zone}.duckdb{ending}" for zone in ("restricted", "personal") for ending in ("", ".wal")}
    inputs = {night.home / "crm", night.home / "policy"}
    return files_below(night.home, without={*private, *inputs, night.outbox, night.data / "key"})


def test_every_kind_of_value_is_searched_for(values: PersonalValues) -> None:
    """The search knows every customer's values of every kind (S67)."""
    kinds = ("customer_id", "full name", "email", "phone", "street", "subject_id", "hash", "notes", "memo")
    assert {kind: len(values.kinds[kind]) for kind in kinds if len(values.kinds[kind]) < 3} == {}
    numbers = len(values.kinds["customer_id"])
    assert all(len(values.kinds[kind]) > numbers * 0.8 for kind in ("full name", "email", "phone", "subject_id"))


def test_the_anonymized_zone_names_nobody_in_any_value(night: Night, values: PersonalValues) -> None:
    """No value of any table of the anonymized file is, or contains, anything of a customer (S13, S17)."""
    assert values.in_database(night.zones / "anonymized.duckdb") == {}


def test_the_anonymized_zone_names_nobody_in_its_bytes(night: Night, values: PersonalValues) -> None:
    """Not a byte of the anonymized file spells a customer, freed blocks included (S13)."""
    assert values.in_file(night.zones / "anonymized.duckdb") == {}


def test_nothing_else_that_a_night_leaves_behind_names_anybody(night: Night, values: PersonalValues) -> None:
    """Reports, Data Docs, ledger, dbt's artifacts, and what was printed: counts, and nobody (S67)."""
    files = left_behind(night)
    names = {path.name for path in files} | {path.parent.name for path in files}
    for expected in (
        "report.html",
        "index.html",
        "manifest.json",
        "run_results.json",
        "partial_parse.msgpack",
    ):
        assert expected in names
    assert {"ledger.jsonl", "activate.json", "anonymized.duckdb", "00-night.txt"} <= names
    assert leaks_in(values, files, night.home) == {}


def test_the_same_search_finds_what_is_in_the_outbox(night: Night, values: PersonalValues) -> None:
    """Where people are meant to be, the search finds nearly every one of them: it can see (S67)."""
    found = leaks_in(values, [path for path in files_below(night.outbox) if path.suffix == ".csv"], night.home)
    for path, kinds in found.items():
        with (night.home / path).open(encoding="utf-8", newline="") as file:
            rows = len(list(csv.reader(file))) - 1
        assert kinds["full name" if "letter_shop" in path else "hash"] > rows * 0.85
    assert len(found) == 3


def test_receipts_name_nobody(night: Night, values: PersonalValues) -> None:
    """Beside the files that hold people, the receipts hold counts (S68)."""
    receipts = [path for path in files_below(night.outbox) if path.suffix == ".json"]
    assert len(receipts) == 3
    assert leaks_in(values, receipts, night.home) == {}


def test_the_encrypted_zones_are_noise(night: Night, values: PersonalValues) -> None:
    """Not one value of ten bytes or more is found in the encrypted files or what stands beside them (S13)."""
    files = sorted(path for path in night.zones.iterdir() if path.name.startswith(("restricted", "personal")))
    assert len(files) >= 2
    for path in files:
        assert values.in_encrypted_file(path) == {}
    spilled = files_below(night.zones / "spill") if (night.zones / "spill").exists() else []
    assert spilled == []


@pytest.mark.parametrize("zone", ["restricted", "personal"])
def test_an_encrypted_zone_opens_with_its_own_key_only(night: Night, zone: str) -> None:
    """Without a key, with the master key, or with the other zone's key it stays shut (S13)."""
    other = {"restricted": "personal", "personal": "restricted"}[zone]
    with duckdb.connect(":memory:", config={"extension_directory": str(night.zones / "extensions")}) as engine:
        engine.execute("load httpfs")
        path = night.zones / f"{zone}.duckdb"
        for key in (None, night.key, night.key_of(other), "0" * 64):
            option = f", encryption_key '{key}'" if key else ""
            with pytest.raises(duckdb.Error):
                engine.execute(f"attach '{path}' as zone (read_only{option})")
        engine.execute(f"attach '{path}' as zone (read_only, encryption_key '{night.key_of(zone)}')")
        assert engine.execute("select count(*) from duckdb_tables() where database_name = 'zone'").fetchone()[0] > 0


def test_keys_stand_in_no_file_but_the_key_file(night: Night) -> None:
    """The master key and those made from it are in no report, log, artifact, zone or audience (S67)."""
    uses = (
        "zone/restricted",
        "zone/personal",
        "subject_id",
        "tombstone",
        "member/campaign_tool",
        "member/letter_shop",
    )
    secrets = {"master": night.key}
    secrets |= {use: hmac.digest(night.key.encode(), f"trustmart/{use}".encode(), hashlib.sha256).hex() for use in uses}
    files = files_below(night.home, without=[night.home / "crm", night.data / "key"])
    assert secrets_in(secrets, files, night.home) == {}
    if night.given_key is None:
        assert secrets_in(secrets, [night.data / "key"], night.home) == {"data/key": ["master"]}
    else:
        assert not (night.data / "key").exists()


def test_only_the_owner_can_look(night: Night) -> None:
    """The zones' folder and each audience's folder are 0700, the key and every audience file 0600 (S13)."""
    private_folders = [night.zones, *{path.parent for path in files_below(night.outbox)}]
    assert {mode(path) for path in private_folders} == {0o700}
    assert {mode(path) for path in files_below(night.outbox)} == {0o600}
    if night.given_key is None:
        assert mode(night.data / "key") == 0o600


def mode(path: Path) -> int:
    """Return who may do what with a path."""
    return stat.S_IMODE(os.stat(path).st_mode)


def test_the_engine_s_extension_is_the_packaged_one(night: Night) -> None:
    """The largest file of a night holds nothing of it: it is the package's, byte for byte (S13)."""
    (installed,) = (night.zones / "extensions").rglob("httpfs.duckdb_extension")
    assert (
        hashlib.sha256(installed.read_bytes()).digest() == hashlib.sha256(encryption_extension().read_bytes()).digest()
    )


def test_the_anonymized_file_holds_the_released_marts_and_nothing_else(night: Night) -> None:
    """An analyst who opens it finds the marts, their register, seal and notices: no view, no macro, no way elsewhere (S13)."""
    with duckdb.connect(str(night.zones / "anonymized.duckdb"), read_only=True) as reader:
        tables = {name for (name,) in reader.execute("select table_name from duckdb_tables()").fetchall()}
        released = {name for (name,) in reader.execute("select mart from releases").fetchall()}
        assert tables == released | {"manifest", "notices", "releases"}
        assert len(released) == 8
        databases = reader.execute("select database_name from duckdb_databases() where not internal").fetchall()
        assert databases == [("anonymized",)]
        for catalogue in ("duckdb_views()", "duckdb_functions()", "duckdb_sequences()", "duckdb_types()"):
            own = f"select count(*) from {catalogue} where not internal and database_name = 'anonymized'"
            own = own.replace("not internal and ", "") if "sequences" in catalogue else own
            assert reader.execute(own).fetchone() == (0,), catalogue
        assert reader.execute("select count(*) from duckdb_secrets()").fetchone() == (0,)
        schemas = reader.execute(
            "select distinct schema_name from duckdb_tables() where database_name = 'anonymized'"
        ).fetchall()
        assert schemas == [("main",)]


def test_no_key_joins_the_anonymized_zone_to_a_person(night: Night) -> None:
    """No column is named like, or typed as, anything that a personal table could be joined on (S13, S17)."""
    with DuckDBWarehouse(night.settings).session(reads=["restricted", "personal"]) as session:
        keys = {
            name
            for (name,) in session.rows(
                "select distinct column_name from duckdb_columns() where database_name in ('restricted', 'personal')"
                " and (column_name like '%\\_id%' escape '\\' or column_name like '\\_%' escape '\\')"
            )
        }
    with duckdb.connect(str(night.zones / "anonymized.duckdb"), read_only=True) as reader:
        columns = reader.execute(
            "select column_name, data_type from duckdb_columns() where not internal and table_name not in ('manifest', 'notices', 'releases')"
        ).fetchall()
    assert len(columns) > 10
    assert not keys & {name for name, _ in columns}
    assert {kind for _, kind in columns} <= {"VARCHAR", "BIGINT", "DATE", "DECIMAL(4,2)", "DOUBLE"}
