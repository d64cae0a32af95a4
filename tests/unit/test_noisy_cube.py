"""A noisy cube: drawn once a period, paid for once, never shown unpaid."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from support.noisy import DOMAINS, noisy_release
from trustmart.anonymizing.made import Made
from trustmart.anonymizing.noise import cube, make_noisy_cube, spends_of, unpaid_draws
from trustmart.cli import app
from trustmart.errors import BudgetSpent, PolicyFault, ReleaseFault
from trustmart.ledger import Ledger
from trustmart.policy import load_policy
from trustmart.policy.releases import Release
from trustmart.warehouse.duckdb import DuckDBSession

TARGET = "restricted.anonymized_candidate.cube"


class Nights:
    """A restricted zone in memory, a ledger, and nights that make one cube."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, ledger: Ledger) -> None:
        """Plant a thousand people, most in the north."""
        self.session, self.ledger = DuckDBSession(connection), ledger
        connection.execute("attach ':memory:' as restricted; create schema restricted.anonymized_candidate")
        connection.execute(
            "create table restricted.records as select 'p' || i as subject_id, if(i < 900, 'north', 'south') as region,"
            " 'old' as band, 3.5 as amount from range(1000) as t(i)"
        )

    def make(self, day: datetime, release: Release | None = None, **given: Any) -> Made:
        """Make the cube for a night."""
        asked = {"domains": DOMAINS, "records": "restricted.records", "ledger": self.ledger, "key": "k", **given}
        return make_noisy_cube(
            self.session, mart="cube", release=release or noisy_release(), target=TARGET, as_of=day, at=day, **asked
        )

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the candidate."""
        return self.session.rows(f"from {TARGET} order by all")


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    """Yield nights to make."""
    with duckdb.connect() as connection:
        yield Nights(connection, Ledger(tmp_path / "ledger.jsonl"))


def day(month: int, number: int = 24, year: int = 2026) -> datetime:
    """Return an instant."""
    return datetime(year, month, number, 23, 59, 59, tzinfo=UTC)


def test_every_listed_cell_is_published_empty_ones_too(nights: Nights) -> None:
    """All six cells are there, in the release's columns, no count below 0, near the truth where many are (S12)."""
    made = nights.make(day(11))
    release, rows = noisy_release(), nights.rows()
    assert tuple(nights.session.columns("restricted", "cube", schema="anonymized_candidate")) == release.columns
    assert made.rows == len(rows) == 6
    assert all(row[2] >= 0 for row in rows)
    # Scale 8 for people: 400 away has a chance of e^-50.
    assert abs(next(row[2] for row in rows if row[:2] == ("north", "old")) - 900) < 400
    assert made.facts["epsilon"] <= 0.5


def test_what_noise_costs_readers_is_told_without_a_look_at_people(nights: Nights) -> None:
    """Usefulness is what the mechanism and noisy numbers say: with other people behind the same draw, the same (S12)."""
    said = nights.make(day(11)).facts
    nights.session.run("delete from restricted.records")
    again = nights.make(day(11)).facts
    for name in ("utility", "expected_error"):
        assert again[name] == said[name], name
    assert said["utility"]["measure"].startswith("expected")
    assert said["expected_error"]["people"] == pytest.approx(said["scales"]["people"], rel=0.01)
    assert 0 <= said["utility"]["loss"] <= 1


def test_a_night_that_runs_again_draws_and_spends_once(nights: Nights) -> None:
    """The same night, and every other night of its month, shows the same numbers for one spend (S12)."""
    nights.make(day(11, 2))
    first = nights.rows()
    nights.session.run("delete from restricted.records")
    for number in (2, 3, 30):
        assert not nights.make(day(11, number)).facts["newly_paid"]
        assert nights.rows() == first
    assert len(spends_of(nights.ledger)) == 1
    nights.make(day(12, 1))
    assert [spend.released_for for spend in spends_of(nights.ledger)] == ["2026-11", "2026-12"]


def test_overspending_draws_nothing_and_the_next_year_may(nights: Nights) -> None:
    """A release beyond the year's budget is held, nothing is drawn; in January it goes on (S12)."""
    release = noisy_release(yearly_epsilon=1)
    for month in (9, 10):
        nights.make(day(month), release)
    standing = nights.rows()
    with pytest.raises(BudgetSpent, match="0 of 1 left for 2026"):
        nights.make(day(11), release)
    assert nights.rows() == standing
    assert nights.session.value("select count(*) from restricted.noisy_draws") == 2
    nights.make(day(1, year=2027), release)
    assert [spend.year for spend in spends_of(nights.ledger)] == [2026, 2026, 2027]


def test_a_replay_of_an_old_night_pays_with_this_year(nights: Nights) -> None:
    """Going back in time opens no budget: what is drawn now costs this year (S12)."""
    make_noisy_cube(
        nights.session, mart="cube", release=noisy_release(), records="restricted.records", target=TARGET,
        ledger=nights.ledger, key="k", as_of=day(11, year=2020), at=day(11), domains=DOMAINS,
    )  # fmt: skip
    assert spends_of(nights.ledger)[0].year == 2026


@pytest.mark.parametrize("dies_at", ["keep", "pay", "show"])
def test_a_killed_night_spends_once_and_shows_nothing_unpaid(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    """Wherever the night dies, the next one shows one draw that was paid for once (S12)."""

    class Killed(BaseException):
        """The process ends here."""

    def die(*args: Any, **given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(cube, dies_at, die)
        with pytest.raises(Killed):
            nights.make(day(11))
    assert not nights.session.columns("restricted", "cube", schema="anonymized_candidate")
    assert unpaid_draws(nights.session, nights.ledger, mart="cube") == (dies_at == "pay")
    nights.make(day(11))
    assert len(spends_of(nights.ledger)) == nights.session.value("select count(*) from restricted.noisy_draws") == 1
    assert unpaid_draws(nights.session, nights.ledger, mart="cube") == 0
    assert len(nights.rows()) == 6


def test_lost_draws_are_paid_for_again(nights: Nights) -> None:
    """A draw that was published and is not kept any more is a second draw, with a spend of its own (S12)."""
    nights.make(day(11))
    nights.session.run("drop table restricted.noisy_draws")
    nights.make(day(11))
    assert len(spends_of(nights.ledger)) == 2


def test_labels_that_are_not_listed_are_refused_before_anything_is_drawn(nights: Nights) -> None:
    """Public cells need every label in advance, each once (S12)."""
    with pytest.raises(ReleaseFault, match="band: its labels are not listed"):
        nights.make(day(11), domains={"region": ["north"]})
    with pytest.raises(ReleaseFault, match="region: a label is listed twice"):
        nights.make(day(11), domains={**DOMAINS, "region": ["north", "north"]})
    assert spends_of(nights.ledger) == []


def test_private_cells_show_the_newest_draw_alone(nights: Nights) -> None:
    """A cell that nobody is in any more is not carried on from an earlier draw (S12)."""
    release = noisy_release(cells="private", delta=1e-9)
    nights.make(day(10), release, domains=None)
    assert [row[:2] for row in nights.rows()] == [("north", "old")] or len(nights.rows()) == 2
    nights.session.run("delete from restricted.records")
    assert nights.make(day(11), release, domains=None).rows == 0
    assert len(spends_of(nights.ledger)) == 2


def test_the_example_of_the_documentation_is_sound_policy(tmp_path: Path) -> None:
    """The documentation shows the shipped release; drawn more often than its budget lasts, it is refused (S12)."""
    project = Path(__file__).resolve().parents[2]
    entry = (project / "docs" / "differential-privacy.md").read_text().split("```yaml\n")[1].split("```")[0]
    folder = Path(shutil.copytree(project / "policy", tmp_path / "policy"))
    releases = folder / "releases.yml"
    shipped = releases.read_text()
    assert " ".join(entry.split()) in " ".join(shipped.split())
    noise = load_policy(folder).releases["fct_active_customers_by_month"].noise
    assert noise is not None
    assert noise.epsilon * noise.draws_per_year == noise.yearly_epsilon
    releases.write_text(shipped.replace("every: month", "every: week"))
    with pytest.raises(PolicyFault, match=r"would spend up to 26.5 a year, its budget is 6"):
        load_policy(folder)


def test_the_budget_is_shown_for_people_and_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`trustmart budget` lists what a population spent and has left (S12)."""
    monkeypatch.setenv("TRUSTMART_KEY", "k" * 64)
    monkeypatch.setenv("TRUSTMART_DATA", str(tmp_path))
    facts = {
        "population": "customers",
        "year": 2025,
        "mart": "m",
        "epsilon": 0.5,
        "delta": 0,
        "released_for": "2025-11",
    }
    Ledger(tmp_path / "ledger.jsonl").record("epsilon", facts, at=day(11, year=2025))
    shown = CliRunner().invoke(app, ["budget", "--json", "--population", "customers"])
    assert json.loads(shown.stdout)[0] == {
        "population": "customers", "year": 2025, "budget": 6.0, "spent": 0.5, "left": 5.5, "delta": 0.0, "draws": 1,
    }  # fmt: skip
    assert "0.5" in CliRunner().invoke(app, ["budget"]).stdout
