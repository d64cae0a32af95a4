"""A CRM changes under our hands: what it grows stays in raw, what it lacks is named, nothing is guessed."""

import csv
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment, FileSystemLoader

from support.crm_files import AS_OF, PROJECT, Crm, csv_text, shipped_tables
from trustmart.errors import ConfigurationError, SourceColumnMissing, SourceMissing
from trustmart.sources.synthetic import generate


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    """A CRM with one table of people: id, name, born, notes."""
    return Crm(tmp_path)


def columns_of_raw(crm: Crm) -> set[str]:
    """Return the columns of the raw table that are not the pipeline's own."""
    found = crm.column("select column_name from duckdb_columns() where table_name = 'raw_crm__customers'")
    return {name for name in found if not name.startswith("_")} - {"subject_id"}


def test_a_new_column_is_loaded_into_raw_and_reported(crm: Crm) -> None:
    """What the policy does not know is kept as unmapped_<name>, and its name is in the report (S03)."""
    crm.deliver("id,name,born,shoe_size,notes\n1,Ada,1980-01-01,38,x\n")
    assert crm.ingest()["new_columns"] == ["unmapped_shoe_size"]
    assert crm.rows("select notes, unmapped_shoe_size from restricted.raw_crm__customers") == [("x", "38")]


def test_a_new_column_is_reported_on_its_first_night_only(crm: Crm) -> None:
    """A column that raw has already is no news (S68)."""
    crm.deliver("id,name,born,shoe_size,notes\n1,Ada,1980-01-01,38,x\n")
    crm.ingest()
    crm.deliver("id,name,born,shoe_size,notes\n2,Bo,1990-02-02,44,x\n", "customers_2026-11-21.csv")
    assert crm.ingest(AS_OF + timedelta(days=1))["new_columns"] == []


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A CRM whose six files all grow a column overnight, and its staging models on both days."""
    crm = Crm(tmp_path_factory.mktemp("grown"), shipped_tables())
    generate(crm.folder, customers=20)
    crm.ingest()
    before = staging(crm)
    for path in crm.folder.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            records = [
                [*record, "shoe_size" if number == 0 else "44"] for number, record in enumerate(csv.reader(file))
            ]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(records)
    tables = crm.ingest(AS_OF + timedelta(days=1))
    return SimpleNamespace(crm=crm, before=before, after=staging(crm), tables=tables)


def staging(crm: Crm) -> dict[str, tuple[list[str], int]]:
    """Return columns and number of rows of every staging model of the CRM."""
    folder = PROJECT / "dbt_project"
    environment = Environment(loader=FileSystemLoader(folder / "macros"))
    environment.globals |= {"source": lambda _, table: f"restricted.{table}", "config": lambda **_: ""}
    found = {}
    for model in sorted((folder / "models" / "staging" / "crm").glob("stg_crm__*.sql")):
        text = "{% from 'columns.sql' import tidy %}" + model.read_text()
        statement = environment.from_string(text).render()
        columns = [name for name, *_ in crm.rows(f"describe ({statement})")]
        found[model.stem] = (columns, crm.column(f"select count(*) from ({statement})")[0])
    return found


def test_a_new_column_goes_nowhere_but_raw(grown: SimpleNamespace) -> None:
    """Every file grows a column, and no staging model has one more than before: it stays in raw (S03)."""
    reported = {name: table["new_columns"] for name, table in grown.tables.items()}
    assert reported == dict.fromkeys(shipped_tables(), ["unmapped_shoe_size"])
    columns = {model: names for model, (names, _) in grown.after.items()}
    assert columns == {model: names for model, (names, _) in grown.before.items()}
    assert len(columns) == 6
    assert "44" in grown.crm.column("select unmapped_shoe_size from restricted.raw_crm__customers")


@pytest.mark.parametrize("model", ["stg_crm__transactions", "stg_crm__interactions"])
def test_a_new_column_doubles_no_booking_and_no_contact(grown: SimpleNamespace, model: str) -> None:
    """Rows that come again with a column more are new to raw, and still one booking or contact each (S14)."""
    raw = model.replace("stg_", "raw_")
    (_, before), (_, after) = grown.before[model], grown.after[model]
    assert before == after > 0
    assert grown.crm.column(f"select count(*) from restricted.{raw}") == [2 * before]


def test_two_files_with_different_new_columns_are_both_loaded(crm: Crm) -> None:
    """Each file's own new column is kept; the rows of the other file are null there (S03)."""
    crm.deliver("id,name,born,notes,pet\n1,Ada,1980-01-01,x,cat\n")
    crm.deliver("id,car,name,born,notes\n2,none,Bo,1990-02-02,x\n", "customers_2026-11-21.csv")
    assert crm.ingest()["new_columns"] == ["unmapped_car", "unmapped_pet"]
    assert crm.rows(
        "select customer_id_crm, unmapped_pet, unmapped_car from restricted.raw_crm__customers order by all"
    ) == [("1", "cat", None), ("2", None, "none")]


CURIOUS_NAMES = [
    'quo"te',
    "two words",
    "a,b",
    "new\nline",
    "x); drop table restricted.batches; --",
    "{subject}",
    "{{ subject }}",
    "'single'",
    "%s",
    "select",
    "page",
    "sorted",
    "people",
    "subject_id",
    "is_erased",
    "_digest",
    "_faults",
    "_reason",
    "text_0",
    "value_of_surname",
    "Ünïcödé 名前",
    "$1",
    "?",
    "x" * 300,
]


def test_a_new_column_may_be_called_anything(crm: Crm) -> None:
    """Quotes, blanks, commas and SQL in a column's name are just a name; nothing else changes (S03)."""
    row = {"id": "1", "name": "Ada", "born": "1980-01-01", "notes": "x"} | {name: f"<{name}>" for name in CURIOUS_NAMES}
    bad = row | {"id": "2", "born": "never"}
    crm.deliver(csv_text([row, bad], row))
    counts = crm.ingest()
    assert (counts["loaded"], counts["reasons"]) == (1, {"impossible_date": 1})
    assert counts["new_columns"] == sorted(f"unmapped_{name}" for name in CURIOUS_NAMES)
    unmapped = {f"unmapped_{name}" for name in CURIOUS_NAMES}
    assert columns_of_raw(crm) == {"customer_id_crm", "surname", "birth_date", "notes", *unmapped}
    assert crm.people_loaded() == [("1", "Ada", "1980-01-01", "x")]
    for name in CURIOUS_NAMES:
        quoted = name.replace('"', '""')
        assert crm.column(f'select "unmapped_{quoted}" from restricted.raw_crm__customers') == [f"<{name}>"]
    (record,) = crm.column("select record from restricted.quarantine")
    assert json.loads(record) == bad


@pytest.mark.parametrize("name", ["_line", "_LINE", "_email_normalized"])
def test_a_column_called_like_one_of_ours_is_refused(crm: Crm, name: str) -> None:
    """The few names that a page needs for itself are refused by name, before anything is read (S03)."""
    crm.deliver(f"id,name,born,notes,{name}\n1,Ada,1980-01-01,x,1\n")
    with pytest.raises(SourceColumnMissing, match=f"keeps for itself: {name}"):
        crm.ingest()


def test_new_columns_that_differ_in_capitals_only_are_one(crm: Crm) -> None:
    """Pet on Monday and PET on Tuesday are the same column of raw (S03)."""
    crm.deliver("id,name,born,notes,Pet\n1,Ada,1980-01-01,x,cat\n")
    crm.ingest()
    crm.deliver("id,name,born,notes,PET\n2,Bo,1990-02-02,x,dog\n", "customers_2026-11-21.csv")
    assert crm.ingest(AS_OF + timedelta(days=1))["new_columns"] == []
    assert crm.column("select unmapped_Pet from restricted.raw_crm__customers order by all") == ["cat", "dog"]


def test_a_missing_column_is_an_error_that_names_file_column_and_mapping(crm: Crm) -> None:
    """Whoever owns the extract reads what is missing, where, and which line of policy asks for it (S01)."""
    crm.people("1,Ada,1980-01-01,x\n")
    crm.deliver("id,name,notes\n2,Bo,x\n", "customers_2026-11-21.csv")
    with pytest.raises(SourceColumnMissing) as caught:
        crm.ingest()
    said = str(caught.value)
    assert "customers_2026-11-21.csv has no column 'born'" in said
    assert "policy/sources.yml maps to 'birth_date' (sources.crm.tables.customers.columns.birth_date)" in said
    assert "optional: true" in said


def test_a_missing_column_leaves_the_zone_as_it_was(crm: Crm) -> None:
    """The sound file before the broken one is rolled back with it, and comes in when the other is mended (S68)."""
    crm.people("1,Ada,1980-01-01,x\n")
    crm.deliver("id,name,notes\n2,Bo,x\n", "customers_2026-11-21.csv")
    with pytest.raises(SourceColumnMissing):
        crm.ingest()
    assert crm.column("select count(*) from duckdb_tables() where table_name = 'raw_crm__customers'") == [0]
    assert crm.column("select count(*) from restricted.deliveries") == [0]
    crm.people("2,Bo,1990-02-02,x\n", "customers_2026-11-21.csv")
    assert crm.ingest()["loaded"] == 2


def test_an_optional_column_may_be_missing(crm: Crm) -> None:
    """optional: true says that a column may be absent; its values are null (S01)."""
    crm.tables["customers"]["columns"]["notes"]["optional"] = True
    crm.deliver("id,name,born\n1,Ada,1980-01-01\n")
    assert crm.ingest()["loaded"] == 1
    assert crm.people_loaded() == [("1", "Ada", "1980-01-01", None)]


def test_an_optional_mail_address_may_be_missing(tmp_path: Path) -> None:
    """Without an e-mail column there are no addresses, and no error (S01)."""
    tables = {"customers": shipped_tables()["customers"]}
    tables["customers"]["columns"]["email"]["optional"] = True
    crm = Crm(tmp_path, tables)
    row = {column["from"]: None for column in tables["customers"]["columns"].values()}
    del row["email"]
    crm.deliver(csv_text([row | {"customer_id": "C1", "updated_at": "2026-11-20"}], row))
    assert crm.ingest()["loaded"] == 1
    assert crm.rows("select email, email_normalized, email_mailbox from restricted.raw_crm__customers") == [(None,) * 3]


def test_a_missing_file_is_an_error_that_says_where_it_was_expected(crm: Crm) -> None:
    """No file is not an empty CRM: the error names file, folder and mapping (S01)."""
    with pytest.raises(SourceMissing) as caught:
        crm.ingest()
    said = str(caught.value)
    assert f"no customers.csv in {crm.folder}" in said
    assert "sources.crm.tables.customers" in said


def test_a_source_that_the_policy_does_not_know_is_refused(crm: Crm) -> None:
    """Asking for an unknown source is an error with its name (S01)."""
    from trustmart.pipeline.ingest import ingest

    with pytest.raises(ConfigurationError, match=r"policy/sources\.yml has no source 'erp'"):
        ingest(crm.context(), source="erp")


def test_only_the_table_and_its_dated_increments_are_read(crm: Crm) -> None:
    """customers_archive.csv and customers2.csv are other things than customers_2026-11-21.csv (S01)."""
    crm.people("1,Ada,1980-01-01,x\n")
    crm.people("2,Bo,1990-02-02,x\n", "customers_2026-11-21.csv")
    for name in ("customers_archive.csv", "customers2.csv", "old_customers.csv", "customers.csv.bak"):
        crm.people("9,No,1990-02-02,x\n", name)
    assert crm.ingest()["files"] == 2
    assert crm.numbers() == ["1", "2"]


def test_the_policy_may_grow_a_column_later(crm: Crm) -> None:
    """A column that policy maps from tomorrow on is loaded from tomorrow on, and what raw kept stays (S05)."""
    crm.deliver("id,name,born,notes,first\n1,Lovelace,1980-01-01,x,Ada\n")
    crm.ingest()
    crm.tables["customers"]["columns"]["given_name"] = {"from": "first"}
    crm.deliver("id,name,born,notes,first\n2,Berg,1990-02-02,x,Bo\n", "customers_2026-11-21.csv")
    counts = crm.ingest(AS_OF + timedelta(days=1))
    assert (counts["rows_in"], counts["loaded"], counts["new_columns"]) == (1, 1, [])
    assert crm.rows("select surname, given_name, unmapped_first from restricted.raw_crm__customers order by all") == [
        ("Berg", "Bo", None),
        ("Lovelace", None, "Ada"),
    ]


def test_the_policy_may_rename_a_column(crm: Crm) -> None:
    """Another CRM is another mapping: the same raw table from other names (S01)."""
    columns = crm.tables["customers"]["columns"]
    columns["customer_id_crm"]["from"], columns["surname"]["from"] = "klant nr.", 'achter"naam'
    row = {"klant nr.": "1", 'achter"naam': "Ada", "born": "1980-01-01", "notes": "x"}
    crm.deliver(csv_text([row], row))
    assert crm.ingest()["new_columns"] == []
    assert crm.people_loaded() == [("1", "Ada", "1980-01-01", "x")]


def test_a_full_extract_with_a_new_column_is_a_new_version_of_every_row(crm: Crm) -> None:
    """The day a column appears every record is another one; the day after, all of them are known (S68)."""
    crm.people("1,Ada,1980-01-01,x\n2,Bo,1990-02-02,x\n")
    crm.ingest()
    crm.deliver("id,name,born,notes,pet\n1,Ada,1980-01-01,x,cat\n2,Bo,1990-02-02,x,\n")
    tomorrow = crm.ingest(AS_OF + timedelta(days=1))
    assert (tomorrow["loaded"], tomorrow["redelivered"]) == (2, 0)
    crm.deliver("id,name,born,notes,pet\n2,Bo,1990-02-02,x,\n1,Ada,1980-01-01,x,cat\n")
    day_after = crm.ingest(AS_OF + timedelta(days=2))
    assert (day_after["loaded"], day_after["redelivered"]) == (2, 2)
