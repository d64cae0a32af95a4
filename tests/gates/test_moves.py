"""What would release a held mart: every answer is tried, the cheapest comes first, and applied it really releases."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.held_marts import HOLDS, MART, ZONE, Held, apply, looking, sought
from trustmart.anonymity.moves import Change, ChangeKind, Move
from trustmart.errors import TrustmartError
from trustmart.gates import inspect
from trustmart.gates.suites import Memory
from trustmart.pipeline.ground import Ground
from trustmart.pipeline.moves import Sought, seek
from trustmart.pipeline.trying import attempt
from trustmart.policy import Policy
from trustmart.warehouse import DuckDBWarehouse

# Every answer is judged by the whole gate, on a copy of its own.
pytestmark = pytest.mark.slow

Plant = Callable[..., None]


@pytest.fixture(params=HOLDS)
def held(request: pytest.FixtureRequest, policy: Policy, plant: Plant) -> Held:
    """Return a mart that is held, and the policy that holds it."""
    return HOLDS[request.param](policy, plant)


def every_single_change(ground: Ground) -> Iterator[tuple[Change, ...]]:
    """Yield every change that could be made alone, worked out by ourselves."""
    release = ground.release
    yield (Change(kind=ChangeKind.MAKE_AGAIN),)
    yield (Change(kind=ChangeKind.SUPPRESS),)
    for margin in release.margins:
        yield (Change(kind=ChangeKind.DROP_TOTALS, column=", ".join(margin)),)
    for name in [*release.quasi_identifiers, *release.measures, *release.sensitive]:
        yield (Change(kind=ChangeKind.DROP, column=name),)
    for name, levels in ground.coarser.items():
        for level in levels:
            yield (Change(kind=ChangeKind.COARSEN, column=name, from_level=name, to_level=level),)
    for name, tree in ground.trees.items():
        here = ground.levels[name]
        for level in tree.level_names[here + 1 : -1]:
            yield (Change(kind=ChangeKind.COARSEN, column=name, from_level=tree.level_names[here], to_level=level),)


def tried(ground: Ground, changes: tuple[Change, ...], before: Move) -> Move | None:
    """Try a change; None where it cannot be made."""
    try:
        return attempt(ground, changes, before)
    except TrustmartError:
        return None


def test_moves_are_three_at_most_the_cheapest_first_and_release_the_mart(
    held: Held, warehouse: DuckDBWarehouse
) -> None:
    """(S12) A held mart gets verified changes, sorted by loss; the best, made in earnest, passes the whole gate."""
    found = sought(warehouse, held)
    assert 1 <= len(found.moves) <= 3, found
    assert all(move.releases for move in found.moves)
    assert list(found.moves) == sorted(found.moves, key=lambda move: move.cost)
    assert not found.ended_early
    changed = apply(warehouse, held, found.moves[0])
    assert inspect(held[0], policy=changed, warehouse=warehouse).reasons == ()


def test_every_move_of_the_three_releases_the_mart_and_no_single_change_is_cheaper(
    held: Held, warehouse: DuckDBWarehouse
) -> None:
    """(S12) Each answer stands when it is tried alone, and trying everything finds nothing cheaper."""
    found = sought(warehouse, held)
    with looking(warehouse, held) as (_, ground, before):
        assert ground.failed
        assert [attempt(ground, move.changes, before) for move in found.moves] == list(found.moves)
        single = [tried(ground, changes, before) for changes in every_single_change(ground)]
    costs = [move.cost for move in single if move and move.releases]
    assert not costs or found.moves[0].cost <= min(costs)


def test_the_candidate_is_not_touched_and_no_copy_is_left(
    policy: Policy, plant: Plant, warehouse: DuckDBWarehouse
) -> None:
    """(S12) Changes are tried on copies in memory; afterwards the zone is as it was, and the copies are gone."""
    held = HOLDS["a class of one in a hand-made mart"](policy, plant)
    with warehouse.session(reads=["restricted"]) as session:
        before = session.rows(f"select * from {ZONE}.{MART} order by all")
        seek(session, policy, MART, Memory())
        assert session.rows(f"select * from {ZONE}.{MART} order by all") == before
        assert session.rows("select count(*) from duckdb_schemas() where schema_name = 'gate_moves'") == [(0,)]
    assert held[0] == MART


def test_moves_name_columns_and_levels_and_no_label(policy: Policy, plant: Plant, warehouse: DuckDBWarehouse) -> None:
    """(S12) What is reported holds counts and names; the labels of a class that stands out are nobody's business."""
    for name in ("a class of one in a hand-made mart", "microdata with a class that tells too much"):
        said = json.dumps(sought(warehouse, HOLDS[name](policy, plant)).as_dict())
        assert not [label for label in ("65+", "north", "south", "1980-1989", "high", "middle") if label in said]


def test_what_no_change_mends_gets_the_reason_and_no_moves(
    policy: Policy, plant: Plant, warehouse: DuckDBWarehouse
) -> None:
    """(S12) A damaged history and a missing candidate are mended first; nothing is tried."""
    held = HOLDS["microdata with a class that tells too much"](policy, plant)
    plant("drop table members_before")
    found = sought(warehouse, held)
    assert (found.moves, found.tried) == ((), 0)
    assert "history" in found.why_none
    plant(f"drop table {ZONE}.people")
    assert sought(warehouse, held) == Sought(why_none="there is no candidate to change")


def test_the_search_ends_when_its_time_is_over_and_says_so(
    policy: Policy, plant: Plant, warehouse: DuckDBWarehouse
) -> None:
    """(S12) Advice is not worth a night: after so many seconds or changes the search stops, with what it has."""
    held = HOLDS["microdata with a class that tells too much"](policy, plant)
    ticks = iter(range(1000))
    assert sought(warehouse, held, clock=lambda: next(ticks), seconds=3).as_dict()["moves_ended_early"]
    few = sought(warehouse, held, most=1)
    assert (few.tried, few.ended_early) == (1, True)


def test_a_change_that_breaks_is_no_advice(
    policy: Policy, plant: Plant, warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(S12) Where an attack breaks on a copy, the change does not count as one that releases."""

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("could not convert ada.planted@example.org")

    held = HOLDS["a class of one in a hand-made mart"](policy, plant)
    monkeypatch.setattr("trustmart.pipeline.trying.stands", broken)
    found = sought(warehouse, held)
    assert (found.moves, found.why_none) == ((), "no change that was tried releases it")
