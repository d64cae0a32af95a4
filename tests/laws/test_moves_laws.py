"""Laws of what would release a held mart: which changes are named, in which order, and what a loss is."""

from hypothesis import given
from hypothesis import strategies as st

from trustmart.anonymity.moves import Change, ChangeKind, Move, cheapest, table_loss

SHARES = st.floats(0, 1, allow_nan=False)
CHANGES = st.builds(Change, kind=st.sampled_from(ChangeKind), column=st.sampled_from(["born", "lives_in", "works_as"]))
MOVES = st.builds(
    Move,
    changes=st.lists(CHANGES, min_size=1, max_size=2).map(tuple),
    loss_before=st.just(0.4),
    loss_after=SHARES,
    suppressed_before=st.just(10),
    suppressed_after=st.integers(0, 100),
    columns_lost=st.integers(0, 2),
    releases=st.booleans(),
)
COLUMNS = st.lists(st.tuples(st.floats(0.5, 3), st.one_of(st.none(), SHARES)), min_size=1, max_size=6)


@given(st.lists(MOVES, max_size=12), st.randoms())
def test_only_what_releases_is_named_the_cheapest_first_whatever_the_order(moves: list[Move], random: object) -> None:
    """(S12) Three releasing moves at most, sorted by cost; nothing cheaper is left out; the order tried is no matter."""
    found = cheapest(moves)
    releasing = [move for move in moves if move.releases]
    assert len(found) == min(3, len(releasing))
    assert [move.cost for move in found] == sorted(move.cost for move in releasing)[:3]
    shuffled = list(moves)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [move.cost for move in cheapest(shuffled)] == [move.cost for move in found]


@given(COLUMNS, SHARES)
def test_a_loss_is_a_share_that_grows_with_whoever_is_left_out(
    columns: list[tuple[float, float | None]], share: float
) -> None:
    """(S12) From 0 to 1; nobody left out costs least, everybody left out costs everything."""
    loss = table_loss(columns, share)
    assert 0 <= loss <= 1 + 1e-9
    assert table_loss(columns, 0) <= loss + 1e-9
    assert abs(table_loss(columns, 1) - 1) < 1e-9


@given(COLUMNS, SHARES, st.data())
def test_a_column_less_is_never_cheaper(
    columns: list[tuple[float, float | None]], share: float, data: st.DataObject
) -> None:
    """(S12) Dropping a column costs at least what its coarsest labels did, where nobody comes back for it."""
    place = data.draw(st.integers(0, len(columns) - 1))
    dropped = [(weight, None if number == place else one) for number, (weight, one) in enumerate(columns)]
    assert table_loss(dropped, share) >= table_loss(columns, share) - 1e-9
