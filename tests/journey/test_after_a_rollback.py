"""Whole nights after an earlier release was put back: nothing is carried over from it, and nobody is told of by it."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.bank import NIGHT, Night, lenient_policy
from trustmart.pipeline import night as run_night
from trustmart.pipeline import open_context
from trustmart.pipeline.context import Context
from trustmart.pipeline.history import memory_of
from trustmart.pipeline.releases import releases
from trustmart.pipeline.rollback import rollback
from trustmart.pipeline.verification import verify
from trustmart.sources.synthetic import generate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NIGHTS = [NIGHT + timedelta(days=number) for number in range(4)]
SEGMENTS = "dim_customer_segments"
CUBES = (SEGMENTS, "fct_campaign_outcomes_by_segment", "fct_transactions_by_segment")
# Who comes with the second, third and fourth night: so many copies of each of the first customers.
NEWCOMERS = {1: (4, 30, 15), 2: (3, 2, 15), 3: (5, 12, 1)}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A deployment that went back after its second night, and one that did not; the reports of both, by night."""

    deployment: Night
    back: dict[int, dict[str, Any]]
    straight: dict[int, dict[str, Any]]
    rolled_back: dict[str, Any]

    @property
    def context(self) -> Context:
        """Return the tools of the deployment that went back, after its last night."""
        return at(self.deployment, NIGHTS[-1])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Live through four nights, twice: with and without going back to the first release after the second night."""
    home = tmp_path_factory.mktemp("back")
    deployment = Night(
        home=home, crm=home / "crm", as_of=NIGHT, given_key="k" * 64, policy=lenient_policy(home / "policy")
    )
    generate(deployment.crm, customers=3_000, seed=31, as_of=NIGHT.date())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TRUSTMART_CRM_FOLDER", str(deployment.crm))
        environment.setenv("TRUSTMART_OUTBOX", str(deployment.outbox))
        back = {0: live(deployment, 0)}
        deliver(deployment.crm, 1)
        back[1] = live(deployment, 1)
        other = deployment.copy(home / "straight")
        first = releases(at(deployment, NIGHTS[1]))[0]["release_id"]
        rolled_back = rollback(at(deployment, NIGHTS[1] + timedelta(hours=9)), first, reason="the extract was wrong")
        deliver(deployment.crm, 2)
        straight = {2: live(other, 2)}
        back[2] = live(deployment, 2)
        deliver(deployment.crm, 3)
        back[3] = live(deployment, 3)
        yield Told(deployment=deployment, back=back, straight=straight, rolled_back=rolled_back)


def at(deployment: Night, moment: datetime) -> Context:
    """Open a deployment."""
    return open_context(as_of=moment, now=moment, settings=deployment.settings)


def live(deployment: Night, number: int) -> dict[str, Any]:
    """Run a whole night."""
    return run_night(at(deployment, NIGHTS[number]))


def deliver(crm: Path, number: int) -> None:
    """Append people like those that are there to the extract."""
    with (crm / "customers.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    like = [row for row in rows if len(row) == len(header) and row[header.index("birth_date")] < "1990"]
    place, updated = header.index("customer_id"), header.index("updated_at")
    with (crm / "customers.csv").open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for which, copies in enumerate(NEWCOMERS[number]):
            for copy in range(copies):
                row = list(like[which])
                row[place] = f"C7{number}{which}{copy:03}"
                row[header.index("email")] = f"new{number}-{which}-{copy}@mail.example"
                row[updated] = (NIGHTS[number] - timedelta(hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
                writer.writerow(row)


def made(report: dict[str, Any], mart: str) -> dict[str, Any]:
    """Return what the door said of a mart."""
    return next(row for row in report["transform"]["door"] if row["mart"] == mart)


def judged(report: dict[str, Any], mart: str) -> dict[str, Any]:
    """Return what the gate said of a mart."""
    return next(row for row in report["release"]["marts"] if row["mart"] == mart)


def test_the_nights_after_a_rollback_release_everything_and_all_is_whole(told: Told) -> None:
    """Transform, release and send go on after a rollback; chain, kept copies, ledger and readers agree (S12, S68)."""
    for number, report in told.back.items():
        held = {one["mart"]: one["held_by"] for one in report["release"]["marts"] if one["verdict"] != "released"}
        assert (number, held.keys() & set(CUBES)) == (number, set())
        assert not [mart for mart, by in held.items() if "whole_history" in by or "differencing" in by]
    listed = releases(told.context)
    assert [one["kind"] for one in listed] == ["release", "release", "rollback", "release", "release"]
    assert listed[2]["release_id"] == told.rolled_back["release_id"]
    assert verify(told.context) == {"manifests": 5, "contents": 5, "faults": []}


def test_readers_see_the_newest_night_again_or_what_was_put_back(told: Told) -> None:
    """Cubes are of the newest night; of microdata whose classes all wait, readers have what was put back (S12)."""
    with duckdb.connect(str(told.context.warehouse.path("anonymized")), read_only=True) as reader:
        states = dict(reader.execute("select mart, status from releases").fetchall())
    assert {states[mart] for mart in CUBES} == {"released"}
    held = [one["mart"] for one in told.back[3]["release"]["marts"] if one["verdict"] != "released"]
    assert {states[mart].partition(";")[0] for mart in held} <= {"put back"}


def test_a_night_told_again_by_other_code_or_policy_is_one_night_of_the_history(told: Told) -> None:
    """Released twice in the ledger, a night is in the history once, and the next one is not held for that (S18)."""
    context = at(told.deployment, NIGHTS[3])
    counted = [entry.at for entry in context.ledger.entries("release")]
    again = context.ledger.last("release")
    assert again is not None
    context.ledger.record("release", again.facts, at=NIGHTS[3] - timedelta(days=1))
    assert memory_of(context).releases[SEGMENTS] == len(set(counted) - {NIGHTS[3].isoformat()}) == 3


def test_no_figure_of_what_was_put_back_is_carried_over(told: Told) -> None:
    """Classes that changed by few wait after a rollback; without it they show what they showed (S12, S18)."""
    carried = {mart: made(told.straight[2], mart)["held_back"] for mart in CUBES}
    assert carried[SEGMENTS] > 0, "the night has nothing to carry over, so the test says nothing"
    assert {mart: made(told.back[2], mart)["held_back"] for mart in CUBES} == dict.fromkeys(CUBES, 0)
    assert made(told.back[2], SEGMENTS)["people_waiting"] == made(told.straight[2], SEGMENTS)["people_waiting"] > 0


def test_the_gate_compares_with_all_releases_the_withdrawn_one_among_them(told: Told) -> None:
    """Who kept the second night's file knows it still, so the third is compared with both before it (S18)."""
    for mart in CUBES:
        (history,) = [one for one in judged(told.back[2], mart)["attacks"] if "releases_remembered" in one["figures"]]
        assert history["figures"]["releases_remembered"] == 2
