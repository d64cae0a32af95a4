"""Marts full of people are held, and nothing that says so repeats a single one of them: every byte is searched."""

import re
from pathlib import Path

import pytest

from support.bank import Night, small_night
from support.leaks import PersonalValues, files_below, leaks_in
from trustmart.policy import load_policy
from trustmart.warehouse import CANDIDATE_SCHEMA, DuckDBWarehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Into every text column of every candidate, row by row: an e-mail, a phone, a number, a street, a full name, a subject.
_PEOPLE = """
create temp table people as select unnest([email, phone, customer_id_crm, street, given_name || ' ' || surname, subject_id]) as value
from restricted.main.raw_crm__customers where email is not null and phone is not null and street is not null and surname is not null limit 300
"""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Return a night whose candidates were filled with people before the release was asked for once more."""
    night = small_night().copy(tmp_path_factory.mktemp("held"))
    fill_with_people(night)
    done = night.type_in("release", "--as-of", night.as_of.isoformat(), "--json", clock=night.as_of)
    assert done.returncode != 0
    for command in (["status"], ["status", "--json"], ["decisions"], ["docs"]):
        night.type_in(*command, clock=night.as_of)
    return night


def fill_with_people(night: Night) -> None:
    """Write people into every text of every candidate."""
    with DuckDBWarehouse(night.settings).session(writes="restricted") as session:
        session.run(_PEOPLE)
        texts = session.rows(
            "select table_name, column_name from duckdb_columns() where database_name = 'restricted'"
            f" and schema_name = '{CANDIDATE_SCHEMA}' and data_type = 'VARCHAR'"
        )
        for table, column in texts:
            session.run(
                f'update restricted.{CANDIDATE_SCHEMA}."{table}" set "{column}" ='
                " (select list(value) from people)[1 + rowid % (select count(*) from people)]"
            )
    assert texts


def test_every_mart_is_held_for_the_people_in_it(held: Night) -> None:
    """Each mart says that it names people, and how many, in the night's own report (S03, S17)."""
    marts = held.report("release")["marts"]
    verdicts = {one["mart"]: " ".join(one["reasons"]) for one in marts}
    assert len(verdicts) == len(load_policy(held.policy).releases)
    naming = r"known (email|phone|customer_id_crm|full name|street|subject_id)|stand nowhere|never drawn|not learned"
    assert [mart for mart, reasons in verdicts.items() if not re.search(naming, reasons)] == []


def test_nothing_that_a_held_night_writes_or_prints_names_anybody(held: Night) -> None:
    """Data Docs, Great Expectations' files, dbt's, reports, ledger, pages and output: counts, and nobody (S12, S67)."""
    values = PersonalValues(small_night().crm, subject_ids=subjects(held))
    private = {held.zones / f"{zone}.duckdb{end}" for zone in ("restricted", "personal") for end in ("", ".wal")}
    files = files_below(held.home, without={*private, held.outbox, held.data / "key"})
    written = {path.suffix for path in files}
    assert {".html", ".json", ".jsonl", ".sql", ".txt", ".duckdb"} <= written
    assert len([path for path in files if "docs" in str(path) and path.suffix == ".html"]) > 6
    assert leaks_in(values, files, held.home) == {}


def test_the_search_would_have_found_them(held: Night, tmp_path: Path) -> None:
    """The same search finds people in a file of what was planted (S67)."""
    values = PersonalValues(small_night().crm, subject_ids=subjects(held))
    page = tmp_path / "page.html"
    page.write_text(f"<td>{min(values.kinds['email'])}</td><td>{min(values.kinds['full name'])}</td>", encoding="utf-8")
    assert set(values.in_file(page)) >= {"email", "full name"}


def subjects(night: Night) -> list[str]:
    """Return our own name for every customer."""
    with DuckDBWarehouse(night.settings).session(reads=["restricted"]) as session:
        raws = [table for table in session.tables_with("restricted", "subject_id") if "raw_crm__" in table]
        return [one for (one,) in session.rows(" union ".join(f"select subject_id from {raw}" for raw in raws))]
