"""Errors of the intake carry counts and names of columns; never a value of a person, and never the key."""

import traceback
from pathlib import Path

import pytest

from support.crm_files import KEY, Crm, written
from trustmart.errors import StatementFailed, TrustmartError, WarehouseLocked
from trustmart.identity import derive_key
from trustmart.pipeline.intake import Intake
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse

SECRET = ("Lovelace", "likes-looms", "ada@example.org")


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    """A CRM with one person in it whose values must not be seen."""
    crm = Crm(tmp_path)
    crm.people("C-1,Lovelace,1980-01-01,likes-looms ada@example.org\n")
    return crm


def printed(error: BaseException) -> str:
    """Return everything a log could print of an error: message, causes, contexts."""
    said = "".join(traceback.format_exception(error))
    chain = error
    while chain is not None:
        said += repr(chain) + str(chain.args)
        chain = chain.__cause__ or chain.__context__  # also what `from None` hides
    return said


def assert_silent(error: BaseException) -> None:
    """Neither a value of the person nor a key is in what could be printed."""
    said = printed(error)
    keys = [KEY, *(derive_key(KEY, use) for use in ("zone/restricted", "zone/personal", "subject_id", "tombstone"))]
    assert not [value for value in (*SECRET, *keys) if value in said]


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("select cast(? as integer)", ["Lovelace"]),
        ("select cast(? as date)", ["likes-looms"]),
        ("insert into restricted.deliveries values (?)", ["Lovelace"]),
        ("select strptime(?, '%Y')", ["ada@example.org"]),
        ("select error(?)", ["Lovelace"]),
        ("select json_extract(?, '$.a')", ["{Lovelace"]),
    ],
)
def test_a_refused_statement_does_not_quote_its_data(crm: Crm, statement: str, parameters: list[str]) -> None:
    """The engine's own words quote the value it stumbled over: they are not passed on, not even as a cause (S67)."""
    crm.ingest()
    with (
        crm.context().warehouse.session(writes="restricted") as session,
        pytest.raises(StatementFailed) as caught,
    ):
        session.run(statement, parameters)
    assert "the warehouse refused a statement" in str(caught.value)
    assert_silent(caught.value)


def test_a_table_changed_by_hand_breaks_the_intake_silently(crm: Crm) -> None:
    """Where a value does not fit into raw any more, the error tells the statement and no value; all is rolled back (S67)."""
    crm.people("1,Bo,1990-02-02,x\n", "customers_2026-11-19.csv")
    only_old = crm.folder / "customers.csv"
    content = only_old.read_bytes()
    only_old.unlink()
    crm.ingest()
    written(crm.context().warehouse, "alter table restricted.raw_crm__customers alter surname type integer using 7")
    only_old.write_bytes(content)
    before = crm.whole_zone()
    with pytest.raises(StatementFailed, match="insert into") as caught:
        crm.ingest()
    assert_silent(caught.value)
    assert crm.whole_zone() == before


@pytest.mark.parametrize("step", ["_count", "_insert", "_quarantine", "close_books"])
def test_an_error_at_any_step_leaves_the_zone_as_it_was(crm: Crm, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Whichever step fails, nothing of the batch is seen (S68)."""

    def broken(self: Intake, *_: object) -> None:
        self.session.run("select cast(surname as integer) from sorted")

    monkeypatch.setattr(Intake, step, broken)
    with pytest.raises(StatementFailed) as caught:
        crm.ingest()
    assert_silent(caught.value)
    assert not any(crm.whole_zone().values())


def test_the_wrong_key_is_refused_without_either_key(crm: Crm) -> None:
    """A zone that does not open says so; neither the right key nor the wrong one is in the error (S67)."""
    crm.ingest()
    settings = Settings(data=crm.home / "data", key="another-master-key")
    warehouse = DuckDBWarehouse(settings)
    with pytest.raises(WarehouseLocked, match="does not open") as caught, warehouse.session(writes="restricted"):
        pass
    assert_silent(caught.value)
    assert "another-master-key" not in printed(caught.value)
    assert warehouse.key("restricted") not in printed(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "id,name,born\nC-1,Lovelace,1980-01-01\n",
        "Lovelace,likes-looms,ada@example.org,Lovelace\nC-1,x,y,z\n",
        'id,name,born,notes,"Lovelace\n',
        "",
    ],
    ids=["column missing", "no header", "torn header", "empty"],
)
def test_a_refused_file_is_not_quoted(crm: Crm, content: str) -> None:
    """What is said of a file that cannot be taken in names columns of ours, not values of theirs (S67)."""
    crm.deliver(content)
    with pytest.raises(TrustmartError) as caught:
        crm.ingest()
    assert_silent(caught.value)


def test_the_report_of_the_intake_holds_counts_only(crm: Crm) -> None:
    """ingest.json has table names, reasons and numbers; no value of a person (S67)."""
    crm.people("C-1,Lovelace,never,likes-looms\nC-1,Lovelace\n", "customers_2026-11-21.csv")
    crm.ingest()
    text = (crm.context().run_folder / "ingest.json").read_text()
    assert '"quarantined": 2' in text
    assert not [value for value in (*SECRET, "C-1", KEY) if value in text]
