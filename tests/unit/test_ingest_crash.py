"""kill -9 in the middle of the intake: the zone opens, is what it was before, and the next run is right."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.crm_files import KEY, Crm, shipped_tables
from trustmart.sources.synthetic import generate

# Takes in a CRM and kills itself without any farewell at a chosen moment.
VICTIM = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from trustmart.pipeline import open_context
from trustmart.pipeline.ingest import ingest
from trustmart.settings import Settings
from trustmart.warehouse import duckdb

data, policy, key, moment = sys.argv[1:]
context = open_context(
    as_of=datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC), settings=Settings(data=Path(data), policy=Path(policy), key=key)
)

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if moment.startswith("while reading "):
    ingest(context, progress=lambda table, rows: die() if table == moment.split()[-1] else None)
honest = duckdb.DuckDBSession._execute

def watched(self, statement, parameters):
    if moment == "just before the commit" and statement == "commit":
        die()
    found = honest(self, statement, parameters)
    if moment == "just after the commit" and statement == "commit":
        die()
    if moment == "in the middle of a table" and statement.startswith("insert into restricted.raw_crm__transactions"):
        die()
    return found

duckdb.DuckDBSession._execute = watched
ingest(context)
"""

MOMENTS = [
    pytest.param("while reading customers", marks=pytest.mark.slow),
    "in the middle of a table",
    pytest.param("just before the commit", marks=pytest.mark.slow),
    "just after the commit",
]


@pytest.fixture
def crm(tmp_path: Path) -> Crm:
    """A CRM of two tables."""
    crm = Crm(tmp_path, {name: shipped_tables()[name] for name in ("customers", "transactions")})
    generate(crm.folder, customers=60)
    return crm


def killed(crm: Crm, moment: str) -> None:
    """Run the intake in a process of its own and have it killed at the moment."""
    context = crm.context()
    where = [str(context.settings.data_folder), str(context.settings.policy_folder)]
    done = subprocess.run(
        [sys.executable, "-c", VICTIM, *where, KEY, moment], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_intake_killed_on_the_first_night_is_made_up_for(crm: Crm, tmp_path: Path, moment: str) -> None:
    """After kill -9 the zone opens, holds all or nothing of the batch, and the next run completes the night (S68)."""
    undisturbed = Crm(tmp_path / "undisturbed", crm.tables)
    undisturbed.location = crm.location
    undisturbed.ingest()
    killed(crm, moment)
    found = crm.whole_zone()
    if moment == "just after the commit":
        assert found == undisturbed.whole_zone()
    else:
        assert not any(found.values())
    crm.ingest()
    assert crm.whole_zone() == undisturbed.whole_zone()
    assert crm.last["tables"] == undisturbed.last["tables"]


def test_an_intake_killed_on_a_later_night_leaves_the_zone_as_it_was(crm: Crm) -> None:
    """What the nights before have loaded is unharmed, to the row, and the increment comes in afterwards (S68)."""
    crm.ingest()
    before = crm.whole_zone()
    lines = (crm.folder / "transactions.csv").read_text().splitlines()
    crm.deliver("\n".join([lines[0], "T-new" + lines[1][lines[1].index(",") :]]) + "\n", "transactions_2026-11-21.csv")
    killed(crm, "in the middle of a table")
    assert crm.whole_zone() == before
    tables = crm.ingest()
    assert crm.column("select count(*) from restricted.raw_crm__transactions where transaction_id_crm = 'T-new'") == [1]
    assert tables["transactions"]["files"] == 2


def test_a_killed_intake_leaves_no_row_in_clear(crm: Crm) -> None:
    """Whatever a killed process leaves in its folders is encrypted: no name of a customer is in any file (S67)."""
    crm.ingest()
    (surname,) = crm.column(
        "select surname from restricted.raw_crm__customers where length(surname) > 6 order by length(surname) desc limit 1"
    )
    lines = (crm.folder / "customers.csv").read_text().replace("\n", " \n")
    crm.deliver(lines, "customers_2026-11-21.csv")
    killed(crm, "just before the commit")
    left = [path for path in (crm.home / "data").rglob("*") if path.is_file() and "extensions" not in path.parts]
    assert any(path.name.startswith("restricted.duckdb") for path in left)
    assert not [path.name for path in left if surname.encode() in path.read_bytes()]
