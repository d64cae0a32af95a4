"""A release or a rollback that is killed anywhere leaves the old one or the new one, and books that agree with it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.killing import Kill
from support.publications import MART, OTHER, context_at, killed, readers_see, release_by_hand
from trustmart.ledger import Sealed
from trustmart.pipeline.context import Context
from trustmart.pipeline.publication import settle
from trustmart.pipeline.rollback import rollback
from trustmart.pipeline.verification import verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
NIGHTS = [datetime(2026, 11, day, 2, tzinfo=UTC) for day in range(18, 23)]
CHAIN = "trustmart.ledger.manifests:ReleaseChain."
PUBLICATION = "trustmart.pipeline.publication:"
REPLACE = "trustmart.warehouse.duckdb:os.replace"
RECORD = "trustmart.ledger.chain:Ledger.record"
# In the order in which they come; the moving of the file is what publishes.
BEFORE = [
    Kill(function=PUBLICATION + "_put_seal", when="before"),
    Kill(function=CHAIN + "begin", when="before"),
    Kill(function=CHAIN + "_write", when="after", mentions="publishing"),
    Kill(function=CHAIN + "_write", when="after", mentions=".json"),
    Kill(function="trustmart.ledger.manifests:shutil.copyfile", when="after", mentions="releases"),
    Kill(function=CHAIN + "begin", when="after"),
    Kill(function=REPLACE, when="before", mentions="anonymized.duckdb"),
]
AFTER = [
    Kill(function=REPLACE, when="after", mentions="anonymized.duckdb"),
    Kill(function=PUBLICATION + "_standing_number", when="after"),
    Kill(function=PUBLICATION + "_write_books", when="before"),
    Kill(function=RECORD, when="before", mentions="release", torn=True),
    Kill(function=RECORD, when="after", mentions="release"),
    Kill(function=CHAIN + "finish", when="before"),
]
EVERYWHERE = [(kill, False) for kill in BEFORE] + [(kill, True) for kill in AFTER]


def tell(data: Path, night: int, people: int) -> Sealed:
    """Release a night in which the first class has so many people."""
    figures = {MART: {"a": people, "b": 20}, OTHER: {"c": 30}}
    return release_by_hand(context_at(data, NIGHTS[night]), figures, {"a": people, "b": 20})


def remembered(context: Context) -> list[tuple]:
    """Return which releases the history knows, with how many people came and went with each."""
    with context.warehouse.session(reads=["restricted"]) as session:
        return session.rows(
            "select release_id, (select count(*) from restricted.released_members as m where m.since = r.released_at),"
            " (select count(*) from restricted.released_members as m where m.until = r.released_at)"
            " from restricted.mart_releases as r order by released_at"
        )


def recorded(context: Context, kind: str) -> list[str]:
    """Return the ids of the releases that the ledger knows."""
    return [entry.facts["release_id"] for entry in context.ledger.entries(kind)]


@pytest.mark.parametrize(("kill", "is_published"), EVERYWHERE, ids=lambda one: str(one))
def test_a_killed_release_is_whole_or_was_never_there(tmp_path: Path, kill: Kill, is_published: bool) -> None:
    """Zone, manifest, history of members and ledger agree after the next run, which is of another night (S12, S68)."""
    data = tmp_path / "data"
    first = tell(data, 0, 15)
    assert killed(kill, tmp_path, lambda: tell(data, 1, 27))

    context = context_at(data, NIGHTS[2])
    seen = {row[3] for row in readers_see(context)[MART]}
    settle(context)  # what forget, transform and release begin with

    assert seen == ({27, 20} if is_published else {15, 20})
    chain = context.releases
    assert chain.newest_number() == (2 if is_published else 1)
    ids = [sealed.release_id for sealed in chain.every()]
    assert ids[0] == first.release_id
    assert recorded(context, "release") == ids
    assert remembered(context) == [(ids[0], 35, 0), *([(ids[1], 12, 0)] if is_published else [])]
    assert verify(context)["faults"] == []

    third = tell(data, 2, 40)
    assert remembered(context)[-1] == (third.release_id, 13 if is_published else 25, 0)
    assert verify(context)["faults"] == []
    assert not [path for path in data.rglob("*") if ".next" in path.name or path.name == "publishing"]


@pytest.mark.parametrize("kill", [BEFORE[-1], AFTER[0]], ids=str)
def test_a_night_told_again_and_killed_keeps_what_was_published(tmp_path: Path, kill: Kill) -> None:
    """The history is of what readers have, of the first telling or of the second, and of no mixture (S12)."""
    data = tmp_path / "data"
    tell(data, 0, 15)
    told_first = tell(data, 1, 27)
    assert killed(kill, tmp_path, lambda: tell(data, 1, 29))
    context = context_at(data, NIGHTS[2])
    settle(context)
    newest = context.releases.newest()
    assert newest is not None
    assert (newest.number == 2) == (kill == BEFORE[-1])
    assert (newest == told_first) == (kill == BEFORE[-1])
    assert remembered(context)[-1] == (newest.release_id, 12 if kill == BEFORE[-1] else 14, 0)
    assert verify(context)["faults"] == []


@pytest.mark.parametrize(("kill", "is_published"), EVERYWHERE, ids=lambda one: str(one))
def test_a_killed_rollback_leaves_the_old_or_the_new(tmp_path: Path, kill: Kill, is_published: bool) -> None:
    """Readers have one release or the other, whole; the chain and the ledger say which; done again, it is done (S12)."""
    data = tmp_path / "data"
    first = tell(data, 0, 15)
    tell(data, 1, 27)

    def go_back() -> None:
        rollback(context_at(data, NIGHTS[2]), first.release_id, reason="the extract was wrong")

    assert killed(kill, tmp_path, go_back)
    context = context_at(data, NIGHTS[3])
    seen = {row[3] for row in readers_see(context)[MART]}
    assert seen == ({15, 20} if is_published else {27, 20})
    assert verify(context)["faults"] == []
    assert len(recorded(context, "rollback")) == context.releases.newest_number() - 2 == int(is_published)

    go_back()
    assert {row[3] for row in readers_see(context)[MART]} == {15, 20}
    assert len(recorded(context, "rollback")) == 1
    assert verify(context)["faults"] == []
