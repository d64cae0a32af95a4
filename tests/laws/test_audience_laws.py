"""Laws of deltas: a destination that does as it is told holds what is permitted now."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from support.destination_kit import member
from trustmart.audiences import AudienceDelta, AudienceSnapshot, change_id, delta

members = st.sets(st.sampled_from("abcdefgh")).map(lambda names: {f"id-{name}": member(name) for name in names})


def change(now: dict, before: dict) -> AudienceDelta:
    """Return the delta between two memberships."""
    return delta(AudienceSnapshot(audience="aud", members=now), before)


@given(now=members, before=members)
def test_doing_the_delta_gives_the_snapshot(now: dict, before: dict) -> None:
    """Whoever is not permitted now is removed, whoever is gets added, and nobody is told of twice (S42)."""
    told = change(now, before)
    held = set(before) - {one.member_id for one in told.removals}
    assert held | {one.member_id for one in told.additions} == set(now)
    assert not {one.member_id for one in told.removals} & {one.member_id for one in told.additions}
    assert told.kept + len(told.additions) == len(now)


@given(now=members)
def test_nothing_changes_where_nothing_has_changed(now: dict) -> None:
    """A second night without news sends nothing (S68)."""
    assert change(now, now).is_empty


@given(now=members, before=members, other=members)
def test_a_change_is_named_by_what_it_says_and_what_it_follows(now: dict, before: dict, other: dict) -> None:
    """The same change after the same one has the same name, another one has another (S68)."""
    name = change_id(change(now, before), after="x")
    assert name == change_id(change(dict(reversed(now.items())), before), after="x")
    assert name != change_id(change(now, before), after="y")
    if (set(other) - set(before), set(before) - set(other)) != (set(now) - set(before), set(before) - set(now)):
        assert name != change_id(change(other, before), after="x")


def test_a_member_does_not_show_in_a_log() -> None:
    """Writing a member down by accident writes down no person (S68)."""
    assert "hash-ann" not in repr(member("ann"))
    assert "subject-ann" not in repr(member("ann"))


@given(now=members, before=members)
def test_a_delta_is_sorted_and_says_what_was_told_before(now: dict, before: dict) -> None:
    """The order says nothing about anybody, and a removal repeats what the destination knows, not what is new (S68)."""
    renewed = {name: replace(one, evidence_event_id="newer") for name, one in now.items()}
    told = change(renewed, before)
    for people in (told.removals, told.additions):
        assert [one.member_id for one in people] == sorted(one.member_id for one in people)
    assert all(one is before[one.member_id] for one in told.removals)
    assert all(one is renewed[one.member_id] for one in told.additions)


@given(now=members)
def test_a_new_proof_for_the_same_person_is_no_change(now: dict) -> None:
    """Consent given anew keeps a member where they are: the destination need not be told (S42)."""
    renewed = {name: replace(one, evidence_event_id="newer") for name, one in now.items()}
    assert change(renewed, now).is_empty
    assert change_id(change(renewed, {}), after="x") == change_id(change(now, {}), after="x")


@given(now=members)
def test_taking_out_is_not_named_like_putting_in(now: dict) -> None:
    """Another audience, or the opposite change, never has the same name (S68)."""
    assume(now)
    names = {
        change_id(change(now, {}), after="x"),
        change_id(change({}, now), after="x"),
        change_id(delta(AudienceSnapshot(audience="other", members=now), {}), after="x"),
    }
    assert len(names) == 3
