"""A CRM in a real PostgreSQL, with Dutch names and its own types: another mapping, nothing else."""

import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.crm_files import Crm, shipped_tables
from support.postgres import PASSWORD, USER, PostgresServer, missing, postgres_server
from trustmart.errors import SourceMissing, SourceUnreadable
from trustmart.sources.synthetic import generate

pytestmark = [pytest.mark.postgres, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

KLANTEN: dict[str, Any] = {
    "from": "Klanten (actief)",
    "key": ["customer_id_crm", "updated_at"],
    "watermark": "updated_at",
    "lookback_days": 0,
    "columns": {
        "customer_id_crm": {"from": "klantnummer", "required": True},
        "surname": {"from": 'achter"naam'},
        "email": {"from": "e-mail"},
        "birth_date": {"from": "geboren op", "type": "date", "not_before": "1900-01-01", "not_after": "as_of"},
        "balance_eur": {"from": "saldo", "type": "decimal"},
        "has_housing_loan": {"from": "heeft hypotheek", "type": "boolean"},
        "credit_score": {"from": "score", "type": "integer"},
        "updated_at": {"from": "gewijzigd", "type": "timestamp", "required": True},
    },
}
MAKE_KLANTEN = """
create schema if not exists verkoop;
drop table if exists verkoop."Klanten (actief)";
create table verkoop."Klanten (actief)" (
    klantnummer bigint primary key, "achter""naam" text, "e-mail" text, "geboren op" date, saldo numeric(20, 2),
    "heeft hypotheek" boolean, score smallint, gewijzigd timestamptz, extra jsonb
)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server in New York, which must not matter."""
    with postgres_server() as running:
        running.run("alter database klantenbestand set timezone = 'America/New_York'")
        running.run("alter database klantenbestand set datestyle = 'German'")
        yield running


@pytest.fixture
def crm(server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crm:
    """The customers table of the database, with three customers of all types."""
    monkeypatch.setenv("KLANTENBESTAND_URL", server.url)
    server.run(MAKE_KLANTEN)
    server.fill(
        'verkoop."Klanten (actief)"',
        [
            (1, "Løvelace", " Ada@Example.ORG ", "1980-12-10", "1234.50", "t", 700, "2026-11-18 09:00:00+01", "{}"),
            (2, "de Vries", None, "1990-02-02", "-0.01", "f", None, "2026-11-19 23:30:00-05", None),
            (3, None, "no address", None, None, None, 3, "2026-11-20 12:00:00Z", '{"a": [1, "twee"]}'),
        ],
    )
    return at(Crm(tmp_path, {"customers": KLANTEN}))


def at(crm: Crm) -> Crm:
    """Point a CRM at the database's schema."""
    crm.location = {"kind": "database", "url_env": "KLANTENBESTAND_URL", "database_schema": "verkoop"}
    return crm


def night(day: int) -> datetime:
    """Return the end of a day of November 2026."""
    return datetime(2026, 11, day, 23, 59, 59, tzinfo=UTC)


def test_a_schema_with_other_names_and_types_is_another_mapping(crm: Crm) -> None:
    """timestamptz, numeric, date, boolean and smallint arrive as our types; instants in UTC (S01)."""
    counts = crm.ingest(night(20))
    assert (counts["rows_in"], counts["loaded"], counts["new_columns"]) == (3, 3, ["unmapped_extra"])
    rows = crm.rows(
        "select customer_id_crm, surname, email_normalized, cast(birth_date as varchar), cast(balance_eur as varchar),"
        " has_housing_loan, credit_score, cast(updated_at as varchar) from restricted.raw_crm__customers order by all"
    )
    assert rows == [
        ("1", "Løvelace", "ada@example.org", "1980-12-10", "1234.5000", True, 700, "2026-11-18 08:00:00"),
        ("2", "de Vries", None, "1990-02-02", "-0.0100", False, None, "2026-11-20 04:30:00"),
        ("3", None, None, None, None, None, 3, "2026-11-20 12:00:00"),
    ]


def test_only_rows_since_the_watermark_are_read(crm: Crm, server: PostgresServer) -> None:
    """After one update and one insert the next night reads these two and the row on the watermark (S01)."""
    assert crm.ingest(night(20))["rows_in"] == 3
    server.run(
        """update verkoop."Klanten (actief)" set saldo = 2, gewijzigd = '2026-11-21 08:00:00Z' where score = 700"""
    )
    server.fill(
        'verkoop."Klanten (actief)"', [(4, "Nieuw", None, None, None, None, None, "2026-11-21 07:00:00Z", None)]
    )
    counts = crm.ingest(night(21))
    assert (counts["rows_in"], counts["loaded"], counts["redelivered"]) == (3, 3, 1)
    assert crm.numbers() == ["1", "1", "2", "3", "4"]
    assert crm.ingest(night(22))["rows_in"] == 1  # the row on the watermark, redelivered


def test_the_servers_time_zone_does_not_move_the_watermark(crm: Crm, server: PostgresServer) -> None:
    """A row one minute after the watermark is seen, though for a server in New York it is hours earlier (S42)."""
    crm.ingest(night(20))
    server.fill('verkoop."Klanten (actief)"', [(5, "X", None, None, None, None, None, "2026-11-20 12:01:00Z", None)])
    assert crm.ingest(night(21))["rows_in"] == 2
    assert crm.numbers()[-1] == "5"


def test_a_column_without_time_zone_is_utc_for_the_server_too(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """timestamp without time zone: read as UTC, and compared with the watermark as UTC (S42)."""
    monkeypatch.setenv("KLANTENBESTAND_URL", server.url)
    server.run(MAKE_KLANTEN.replace("timestamptz", "timestamp"))
    table = 'verkoop."Klanten (actief)"'
    server.fill(table, [(1, "X", None, None, None, None, None, "2026-11-20 12:00:00", None)])
    crm = at(Crm(tmp_path, {"customers": KLANTEN}))
    assert crm.ingest(night(20))["rows_in"] == 1
    assert crm.column("select cast(updated_at as varchar) from restricted.raw_crm__customers") == [
        "2026-11-20 12:00:00"
    ]
    before, after = "2026-11-20 11:59:00", "2026-11-20 12:01:00"
    server.fill(table, [(n, "X", None, None, None, None, None, when, None) for n, when in ((2, before), (3, after))])
    assert crm.ingest(night(21))["rows_in"] == 2
    assert crm.numbers() == ["1", "3"]


def test_infinity_and_years_before_christ_are_quarantined(crm: Crm, server: PostgresServer) -> None:
    """Dates that PostgreSQL has and Python has not cost their row, not the night (S01)."""
    server.run("""update verkoop."Klanten (actief)" set gewijzigd = 'infinity' where klantnummer = 1""")
    server.run("""update verkoop."Klanten (actief)" set "geboren op" = '0044-03-15 BC' where klantnummer = 2""")
    counts = crm.ingest(night(20))
    assert (counts["loaded"], counts["reasons"]) == (1, {"impossible_date": 2})
    assert crm.numbers() == ["3"]


def test_not_a_number_is_quarantined(crm: Crm, server: PostgresServer) -> None:
    """numeric NaN, and amounts beyond any account, cost their row (S01)."""
    server.run("""alter table verkoop."Klanten (actief)" alter saldo type numeric""")
    server.run("""update verkoop."Klanten (actief)" set saldo = 'NaN' where klantnummer = 1""")
    server.run("""update verkoop."Klanten (actief)" set saldo = 1e30 where klantnummer = 2""")
    assert crm.ingest(night(20))["reasons"] == {"not_a_number": 2}


def test_a_view_is_a_table_like_any_other(crm: Crm, server: PostgresServer) -> None:
    """A CRM that lets us read a view only is read through the view (S01)."""
    server.run('create or replace view verkoop.gezicht as select * from verkoop."Klanten (actief)"')
    crm.tables["customers"]["from"] = "gezicht"
    try:
        assert crm.ingest(night(20))["loaded"] == 3
    finally:
        server.run("drop view verkoop.gezicht")


@pytest.mark.parametrize(("schema", "table"), [("verkoop", "weg"), ("weg", "Klanten (actief)"), (None, "weg")])
def test_a_missing_table_is_named(crm: Crm, schema: str | None, table: str) -> None:
    """Schema and table are in the error, the URL is not (S67)."""
    crm.location["database_schema"] = schema
    crm.tables["customers"]["from"] = table
    with pytest.raises(SourceMissing) as caught:
        crm.ingest(night(20))
    assert repr(table) in str(caught.value)
    assert (schema or "(default)") in str(caught.value)
    assert_no_secret(caught.value)


def test_a_table_that_may_not_be_read_is_an_error_without_values(crm: Crm, server: PostgresServer) -> None:
    """Missing rights break off with the kind of error, and leave the zone as it was (S67)."""
    server.run("create role gast login password 'gast'; grant usage on schema verkoop to gast")
    url = server.url.replace(f"{USER}:{PASSWORD}", "gast:gast")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KLANTENBESTAND_URL", url)
            with pytest.raises(SourceUnreadable, match=r"KLANTENBESTAND_URL broke off \(ProgrammingError\)"):
                crm.ingest(night(20))
    finally:
        server.run("drop owned by gast; drop role gast")
    assert crm.ingest(night(20))["loaded"] == 3


def test_a_wrong_password_is_not_repeated(crm: Crm, server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused login is SourceUnreadable and names the variable, not what is in it (S67)."""
    monkeypatch.setenv("KLANTENBESTAND_URL", server.url.replace(PASSWORD, "swordfish-of-somebody-else"))
    with pytest.raises(SourceUnreadable, match="KLANTENBESTAND_URL does not answer") as caught:
        crm.ingest(night(20))
    assert_no_secret(caught.value)
    assert "somebody-else" not in "".join(traceback.format_exception(caught.value))


def test_a_night_that_breaks_off_while_reading_leaves_no_row(crm: Crm, server: PostgresServer) -> None:
    """A row that the server fails on in the middle of the table rolls the whole batch back (S68)."""
    server.run(
        """create view verkoop.breekt as select klantnummer, "achter""naam", "e-mail", "geboren op", saldo,
        "heeft hypotheek", (10 / (3 - klantnummer))::smallint as score, gewijzigd from verkoop."Klanten (actief)" """
    )
    crm.tables["customers"]["from"] = "breekt"
    try:
        with pytest.raises(SourceUnreadable, match=r"broke off \(DataError\)") as caught:
            crm.ingest(night(20))
        assert_no_secret(caught.value)
        assert "Løvelace" not in "".join(traceback.format_exception(caught.value))
    finally:
        server.run("drop view verkoop.breekt")
    assert crm.column("select count(*) from duckdb_tables() where table_name = 'raw_crm__customers'") == [0]


def test_the_shipped_crm_is_the_same_from_csv_and_from_postgres(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a generated CRM leaves in raw is the same whether it came as CSV or from tables with Dutch names (S01)."""
    monkeypatch.setenv("KLANTENBESTAND_URL", server.url)
    chosen = ("customers", "transactions", "consent_events")
    tables = {name: shipped_tables()[name] for name in chosen}
    from_files = Crm(tmp_path / "files", tables)
    generate(from_files.folder, customers=200)
    from_files.ingest(night(20))
    from_database = at(Crm(tmp_path / "database", tables))
    for name in chosen:
        move_to_postgres(server, from_files, from_database, name)
    counts = from_database.ingest(night(20))
    for name in chosen:
        columns = [*tables[name]["columns"], "subject_id"]
        if name == "customers":
            columns += ["email_normalized", "email_mailbox"]
        statement = f"select {', '.join(columns)} from restricted.raw_crm__{name} order by all"
        assert from_database.rows(statement) == from_files.rows(statement)
        assert counts[name]["quarantined"] == 0
        assert counts[name]["loaded"] >= 200


def move_to_postgres(server: PostgresServer, from_files: Crm, from_database: Crm, name: str) -> None:
    """Make a table with typed columns under other names, fill it from raw, and map it."""
    kinds = {"text": "text", "date": "date", "timestamp": "timestamptz", "integer": "integer"}
    kinds |= {"decimal": "numeric(18, 4)", "boolean": "boolean"}
    mapping = from_database.tables[name]
    mapping["from"] = f"tabel {name}"
    described = []
    for number, (ours, column) in enumerate(mapping["columns"].items()):
        column["from"] = f"Kolom {number} ({ours[:3]})"
        described.append(f'"{column["from"]}" {kinds[column.get("type", "text")]}')
    table = f'verkoop."tabel {name}"'
    server.run("create schema if not exists verkoop")
    server.run(f"drop table if exists {table}")
    server.run(f"create table {table} ({', '.join(described)})")
    values = [f"cast({ours} as varchar)" for ours in mapping["columns"]]
    for position, column in enumerate(mapping["columns"].values()):
        if column.get("type") == "timestamp":
            values[position] += " || 'Z'"
    rows = from_files.rows(f"select {', '.join(values)} from restricted.raw_crm__{name}")
    server.fill(table, rows)


def assert_no_secret(error: BaseException) -> None:
    """Neither user nor password stands in the error or in what a log would print of it."""
    printed = "".join(traceback.format_exception(error)) + repr(error)
    assert PASSWORD not in printed
    assert USER not in str(error)


def test_a_stopped_server_is_a_clear_error_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is down is SourceUnreadable: it names the variable, and gives neither user nor password away (S67)."""
    with postgres_server() as server:
        server.run(MAKE_KLANTEN)
        monkeypatch.setenv("KLANTENBESTAND_URL", server.url)
        crm = at(Crm(tmp_path, {"customers": KLANTEN}))
        assert crm.ingest(night(20))["rows_in"] == 0
        before = crm.whole_zone()
        server.stop()
        with pytest.raises(SourceUnreadable, match="the database in KLANTENBESTAND_URL does not answer") as caught:
            crm.ingest(night(21))
    assert_no_secret(caught.value)
    assert crm.whole_zone() == before
