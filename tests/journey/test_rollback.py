"""An earlier release is put back as a release of its own, where policy would let it go today; and it can be told."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from support.publications import MART, OTHER, context_at, readers_see, release_by_hand
from trustmart.cli import app
from trustmart.errors import ReleaseUnknown, RollbackHeld
from trustmart.ledger import Sealed
from trustmart.pipeline.context import Context
from trustmart.pipeline.releases import differences, releases
from trustmart.pipeline.rollback import rollback
from trustmart.pipeline.standing import standing_facts, stands_as_remembered
from trustmart.pipeline.verification import verify
from trustmart.settings import Settings

pytestmark = pytest.mark.slow
NIGHTS = [datetime(2026, 11, day, 2, tzinfo=UTC) for day in range(18, 26)]
WHY = "the extract was wrong"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the folder of a deployment."""
    return tmp_path / "data"


def tell(data: Path, night: int, **people: int) -> Sealed:
    """Release a night: people by class, of both marts."""
    return release_by_hand(context_at(data, NIGHTS[night]), {MART: people, OTHER: people}, people)


def at(data: Path, night: int, *, policy: Path | None = None) -> Context:
    """Open the deployment at a night."""
    return context_at(data, NIGHTS[night], policy=policy)


def without_books(tables: dict[str, list[tuple]]) -> dict[str, list[tuple]]:
    """Return the marts."""
    return {name: rows for name, rows in tables.items() if name not in ("manifest", "releases")}


def test_readers_get_the_very_rows_back_and_are_told_how_old_they_are(data: Path) -> None:
    """The rows are those of then, `releases` says since when, chain and ledger have a rollback with its reason (S12)."""
    first = tell(data, 0, a=15, b=20)
    before = readers_see(at(data, 0))
    tell(data, 1, a=27, c=30)
    report = rollback(at(data, 2), first.release_id, reason=WHY)
    after = readers_see(at(data, 2))
    assert without_books(after) == without_books(before)
    assert {row[8] for row in after["releases"]} == {"put back; readers see 2026-11-18 (2 nights old)"}
    context = at(data, 2)
    listed = releases(context)
    assert [one["kind"] for one in listed] == ["release", "release", "rollback"]
    assert (listed[-1]["back_to"], listed[-1]["reason"]) == (first.release_id, WHY)
    entry = context.ledger.last("rollback")
    assert entry is not None
    assert (entry.facts["release_id"], entry.facts["reason"]) == (report["release_id"], WHY)
    assert verify(context) == {"manifests": 3, "contents": 3, "faults": []}


def test_one_mart_goes_back_and_the_others_stay(data: Path) -> None:
    """Only the mart that is named is of the earlier release (S12)."""
    first, second = tell(data, 0, a=15), tell(data, 1, a=27)
    report = rollback(at(data, 2), first.release_id[:20], reason=WHY, mart=MART)
    assert (report["put_back"], report["kept"], report["taken_away"]) == ([MART], [OTHER], [])
    seen = {row[0]: (row[2], row[8]) for row in readers_see(at(data, 2))["releases"]}
    assert seen == {
        MART: (first.release_id, "put back; readers see 2026-11-18 (2 nights old)"),
        OTHER: (second.release_id, "as it was; readers see 2026-11-19 (1 night old)"),
    }


def test_a_rehearsal_changes_nothing(data: Path) -> None:
    """With --dry-run, what would change is told, and everything is as it was (S12)."""
    first = release_by_hand(at(data, 0), {MART: {"a": 15}}, {"a": 15})
    tell(data, 1, a=27)
    before = readers_see(at(data, 1))
    report = rollback(at(data, 2), first.release_id, reason="", dry_run=True)
    assert (report["put_back"], report["taken_away"], report["release_id"]) == ([MART], [OTHER], None)
    assert readers_see(at(data, 1)) == before
    assert len(releases(at(data, 2))) == 2


def stricter(tmp_path: Path, old: str, new: str) -> Path:
    """Copy the policy with another line."""
    folder = tmp_path / "stricter"
    shutil.copytree(Settings().policy_folder, folder)
    text = (folder / "releases.yml").read_text()
    assert old in text
    (folder / "releases.yml").write_text(text.replace(old, new, 1))
    return folder


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("minimum_class_size: 11", "minimum_class_size: 30", "classes of 30 now, it was 11 then"),
        ("round_to: 50", "round_to: 500", "policy does not allow these columns as they were: average_balance_eur"),
        (
            "      share_with_housing_loan: {from: has_housing_loan, how: share}\n",
            "",
            "policy does not allow these columns as they were: share_with_housing_loan",
        ),
    ],
)
def test_what_policy_would_not_let_go_now_is_not_put_back(
    data: Path, tmp_path: Path, old: str, new: str, why: str
) -> None:
    """A stricter policy holds the rollback, says why, and leaves what stands; the other mart can go back (S12)."""
    first = tell(data, 0, a=15)
    tell(data, 1, a=27)
    context = at(data, 2, policy=stricter(tmp_path, old, new))
    before = readers_see(context)
    with pytest.raises(RollbackHeld, match=why):
        rollback(context, first.release_id, reason=WHY)
    assert readers_see(context) == before
    assert rollback(context, first.release_id, reason=WHY, mart=OTHER)["put_back"] == [OTHER]


def alter(file: Path, statement: str) -> None:
    """Change a published file behind our back."""
    file.chmod(0o600)
    with duckdb.connect(str(file)) as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        f"update {MART} set customers = customers + 1 where rowid = 0",
        f"delete from {MART} where rowid = 0",
        f"insert into {MART} from {MART} limit 1",
        f"drop table {MART}",
        "create table beside as select 1 as one",
        "update releases set people = people + 1",
        "update manifest set number = 1",
    ],
)
def test_an_altered_release_is_found_and_never_put_back(data: Path, statement: str) -> None:
    """Whatever is changed in what readers have, or in what is kept, verification finds, and a rollback refuses (S68)."""
    first, second = tell(data, 0, a=15, b=20), tell(data, 1, a=27, b=20)
    alter(at(data, 2).releases.published_file(1), statement)
    alter(at(data, 2).warehouse.path("anonymized"), statement)
    faults = verify(at(data, 2))["faults"]
    assert any(fault.startswith("what readers have:") for fault in faults)
    assert any(fault.startswith("release 1:") for fault in faults) == (statement != "update manifest set number = 1")
    if statement != "update manifest set number = 1":
        with pytest.raises(RollbackHeld):
            rollback(at(data, 2), first.release_id, reason=WHY)
    # What the last release published is kept whole, and mends what readers have.
    rollback(at(data, 2), second.release_id, reason="it was altered")
    assert verify(at(data, 2), kept=False)["faults"] == []


def test_an_altered_mart_does_not_stay_under_a_new_seal(data: Path) -> None:
    """One mart cannot go back while another one, which would stay, is altered (S68)."""
    first = tell(data, 0, a=15)
    tell(data, 1, a=27)
    alter(at(data, 2).warehouse.path("anonymized"), f"update {OTHER} set customers = 28")
    with pytest.raises(RollbackHeld, match=f"{OTHER}, which would stay, is not as it was released"):
        rollback(at(data, 2), first.release_id, reason=WHY, mart=MART)


def test_what_was_published_before_there_were_manifests_is_known_by_its_own_words(data: Path) -> None:
    """A mart from before stands on while it is held, with its age, and cannot be gone back to unseen (S12)."""
    context = at(data, 0)
    with context.warehouse.session(writes="restricted"):
        pass
    with context.warehouse.new_release() as session:
        session.run(f"create table anonymized.{MART} as select 'x' as age_band, 15 as customers")
        session.run(
            "create table anonymized.releases as select 'old' as release_id, timestamp '2026-11-18 02:00:00' as"
            f" released_at, '{MART}' as mart, 'v1' as policy_version, 11 as minimum_class_size, 15 as smallest_class,"
            " 15 as people"
        )
    with context.warehouse.published({"standing": context.warehouse.path("anonymized")}) as session:
        facts = standing_facts(session, "standing", MART, None)
    assert facts is not None
    assert (facts["release_id"], facts["released_at"], facts["rows"]) == ("old", "2026-11-18T02:00:00", 1)
    assert verify(context)["faults"] == [
        "what readers have was published before there were manifests; the next release has one"
    ]


def test_a_chain_that_is_cut_short_is_missed_by_the_ledger(data: Path) -> None:
    """Manifests taken from the end are found, though the rest of the chain is whole (S68)."""
    tell(data, 0, a=15)
    tell(data, 1, a=27)
    at(data, 2).releases.manifest_file(2).unlink()
    faults = verify(at(data, 2))["faults"]
    assert "1 releases are in the ledger and not in the chain" in faults
    assert "what readers have: it does not name its manifest" in faults


def test_figures_are_carried_over_only_from_what_the_history_remembers(data: Path) -> None:
    """After a rollback nothing is carried over, forward again it is; altered, never (S12)."""
    first, second = tell(data, 0, a=15), tell(data, 1, a=27)

    def may_carry(night: int) -> bool:
        context = at(data, night)
        with context.warehouse.session(writes="restricted", reads=["anonymized"]) as session:
            return stands_as_remembered(context, session, MART)

    assert may_carry(2)
    rollback(at(data, 2), first.release_id, reason=WHY)
    assert not may_carry(3)
    rollback(at(data, 3), second.release_id, reason="it was right after all")
    assert may_carry(4)
    tell(data, 4, a=40)
    assert may_carry(5)
    alter(at(data, 5).warehouse.path("anonymized"), f"update {MART} set customers = 41")
    assert not may_carry(5)


def test_two_releases_are_compared_by_counts(data: Path) -> None:
    """Rows, people and classes that came, went and changed, per mart (S12)."""
    first, second = tell(data, 0, a=15, b=20, d=11), tell(data, 1, a=27, b=20, c=30)
    told = differences(at(data, 2), first.release_id, second.release_id)["marts"][MART]
    assert told["classes"] == {"added": 1, "removed": 1, "changed": 1}
    assert (told["rows"], told["people"]) == ({"from": 3, "to": 3}, {"from": 46, "to": 77})
    same = differences(at(data, 2), first.release_id, first.release_id)["marts"][OTHER]
    assert (same["is_same"], same["classes"]) == (True, {"added": 0, "removed": 0, "changed": 0})
    with pytest.raises(ReleaseUnknown, match="trustmart releases"):
        differences(at(data, 2), first.release_id, "2020")


def run(*command: str) -> Any:
    """Type a command."""
    return CliRunner().invoke(app, command, terminal_width=120)


def test_the_commands(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`trustmart releases` and `trustmart rollback` say in words and JSON what was done, and exit as they must (S12)."""
    monkeypatch.setenv("TRUSTMART_KEY", "k" * 64)
    monkeypatch.setenv("TRUSTMART_DATA", str(data))
    assert "nothing was released yet" in run("releases").output
    first, second = tell(data, 0, a=15), tell(data, 1, a=27)
    assert second.release_id in run("releases").output
    assert json.loads(run("releases", "--json").output)["faults"] == []
    assert "2 kept releases; 0 faults" in run("releases", "--verify").output
    assert "15 → 27" in run("releases", "--diff", first.release_id, second.release_id).output
    compared = json.loads(run("releases", "--diff", first.release_id, second.release_id, "--json").output)
    assert compared["marts"][MART]["classes"] == {"added": 0, "removed": 0, "changed": 1}
    shown = run("releases", first.release_id[:20])
    assert (shown.exit_code, first.release_id in shown.output) == (0, True)
    assert list(json.loads(run("releases", first.release_id, "--json").output)["marts"]) == [MART, OTHER]
    assert compared["verdicts"] == {"checkpoints": {}, "audiences": {}, "checks": []}
    assert run("rollback", first.release_id).exit_code == 1  # it wants to know why
    assert "would be put back" in run("rollback", first.release_id, "--dry-run").output
    done = run("rollback", first.release_id, "--reason", WHY)
    assert done.exit_code == 0, done.output
    assert WHY in " ".join(run("releases").output.split())
    assert run("rollback", "no-such-release", "--reason", WHY).exit_code == 1
    Settings(data=data, key=SecretStr("k" * 64)).releases_folder.joinpath("000001.json").write_text("{}")
    broken = run("releases", "--verify")
    assert (broken.exit_code, "broken: release 1:" in broken.output) == (3, True)
