"""A mart that lets somebody stand out is held: readers keep its last release, and the report says since when."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from support.bank import NIGHT, Night, small_night
from trustmart.errors import ReleaseHeld
from trustmart.gates import Memory, inspect_all
from trustmart.pipeline import open_context, raise_if_held, release, write_report
from trustmart.pipeline.context import Context
from trustmart.pipeline.moves import held_candidates, moves_of_held
from trustmart.pipeline.verification import verify
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MART = "dim_customer_segments"
OTHERS = (
    "dim_customer_clusters",
    "dim_customer_profiles",
    "fct_active_customers_by_month",
    "fct_campaign_outcomes_by_segment",
    "fct_offer_profiles",
    "fct_offer_propensity",
    "fct_transactions_by_segment",
)
NEXT_NIGHT = NIGHT + timedelta(days=1)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Return a copy of a night that released all three marts."""
    return small_night().copy(tmp_path / "copy")


def context_of(night: Night, policy: Path | None = None) -> Context:
    """Open the next night on what the last one left."""
    settings = Settings(data=night.data, policy=policy or night.policy, key=SecretStr(night.key))
    return open_context(as_of=NEXT_NIGHT, now=NEXT_NIGHT, settings=settings)


def plant_a_class_of_three(night: Night, folder: Path) -> Context:
    """Let one class of tonight's candidate have three people."""
    context = context_of(night)
    with context.warehouse.session(writes="restricted") as session:
        session.run(
            f"update restricted.anonymized_candidate.{MART} set customers = 3, average_balance_eur = 7777"
            f" where rowid = (select min(rowid) from restricted.anonymized_candidate.{MART})"
        )
    return context


def ask_for_more(night: Night, folder: Path) -> Context:
    """Let policy ask for larger classes than tonight's candidate has."""
    shutil.copytree(night.policy, folder)
    releases = folder / "releases.yml"
    text = releases.read_text()
    assert text.index(MART) < text.index("minimum_class_size: 11")
    releases.write_text(text.replace("minimum_class_size: 11", "minimum_class_size: 30", 1))
    return context_of(night, folder)


def tables(night: Night) -> dict[str, list[tuple]]:
    """Return every row of every table that a new reader sees."""
    with duckdb.connect(str(night.zones / "anonymized.duckdb"), read_only=True) as reader:
        names = [name for (name,) in reader.execute("select table_name from duckdb_tables()").fetchall()]
        return {name: reader.execute(f"from {name} order by all").fetchall() for name in names}


@pytest.mark.parametrize("spoil", [plant_a_class_of_three, ask_for_more])
def test_a_held_mart_keeps_its_last_release(
    night: Night, tmp_path: Path, spoil: Callable[[Night, Path], Context]
) -> None:
    """What is rare tonight is not shown: yesterday's rows stand, the other marts go on, readers are told when (S12)."""
    before = tables(night)
    context = spoil(night, tmp_path / "stricter")

    report = release(context)

    verdicts = {mart["mart"]: (mart["verdict"], mart["standing_since"]) for mart in report["marts"]}
    assert verdicts == {
        MART: ("held", "2026-11-20T23:59:59"),
        **dict.fromkeys(OTHERS, ("released", None)),
    }
    after = tables(night)
    assert after.keys() == before.keys()
    assert after[MART] == before[MART]
    released_at = {row[0]: row[3].isoformat() for row in after["releases"]}
    assert released_at == {MART: "2026-11-20T23:59:59", **dict.fromkeys(OTHERS, "2026-11-21T23:59:59")}
    said = {row[0]: row[8] for row in after["releases"]}
    assert said == {MART: "held; readers see 2026-11-20 (1 night old)", **dict.fromkeys(OTHERS, "released")}
    with pytest.raises(ReleaseHeld, match=MART):
        raise_if_held(report)
    page = write_report(context).read_text()
    assert "readers keep the release of 24 hours ago, 1 night old" in page
    assert "since 20 November 2026, 23:59" in page
    facts = context.ledger.last("release").facts["marts"]
    assert {mart: told["verdict"] for mart, told in facts.items()} == {
        mart: verdict for mart, (verdict, _) in verdicts.items()
    }


def test_a_mart_that_stays_held_says_since_its_last_release(night: Night, tmp_path: Path) -> None:
    """Held a second and a third night, it still says since when it really stands, and its rows stay (S12)."""
    before = tables(night)
    context = plant_a_class_of_three(night, tmp_path)
    for _ in range(2):
        (mart, *_) = release(context)["marts"]
        assert (mart["mart"], mart["verdict"], mart["standing_since"]) == (
            MART,
            "held",
            "2026-11-20T23:59:59",
        )
        assert tables(night)[MART] == before[MART]


def test_a_mart_held_on_its_first_night_is_not_there(night: Night, tmp_path: Path) -> None:
    """With no earlier release to fall back on, readers see no such table, and the report names no date (S12)."""
    (night.zones / "anonymized.duckdb").unlink()
    (mart, *_) = release(plant_a_class_of_three(night, tmp_path))["marts"]
    assert (mart["verdict"], mart["standing_since"]) == ("held", None)
    assert set(tables(night)) == {*OTHERS, "manifest", "notices", "releases"}
    assert {row[0] for row in tables(night)["releases"]} == set(OTHERS)


def test_a_search_that_is_killed_leaves_the_releases_own_report(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would release a mart is looked for when all is published, and keeps nobody from writing (S12)."""
    context = plant_a_class_of_three(night, tmp_path)

    def killed(*_: object) -> None:
        with DuckDBWarehouse(context.settings, wait_seconds=0).exclusive():
            raise KeyboardInterrupt

    # The package shows a function of the module's name.
    monkeypatch.setattr(import_module("trustmart.pipeline.release"), "moves_of_held", killed)
    with pytest.raises(KeyboardInterrupt):
        release(context)
    kept = context.kept("release")
    assert kept is not None
    (held,) = [one for one in kept["marts"] if one["mart"] == MART]
    assert (held["verdict"], held["moves"]) == ("held", [])
    assert "nobody has looked" in held["no_moves_because"]
    assert kept["release_id"] == context.releases.newest().release_id
    assert verify(context)["faults"] == []


def test_a_candidate_that_was_made_anew_is_not_looked_at(night: Night, tmp_path: Path) -> None:
    """The report is of what was held; of anything that others have made since, it says nothing (S12)."""
    context = plant_a_class_of_three(night, tmp_path)
    reports = inspect_all(policy=context.policy, warehouse=context.warehouse, marts=[MART])
    held = held_candidates(context, reports, {})
    with context.warehouse.session(writes="restricted") as session:
        session.run(f"update restricted.anonymized_candidate.{MART} set customers = 4 where customers = 3")
    told = moves_of_held(context, held, Memory())[MART]
    assert (told["moves"], told["moves_tried"]) == ([], 0)
    assert "made anew" in told["no_moves_because"]
