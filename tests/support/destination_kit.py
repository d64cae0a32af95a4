"""What every destination must do, as tests: subclass DestinationKit and provide its fixtures.

destination: an empty one that may be told EVERYTHING_ALLOWED. reopen: opens the same place anew, as the next process
would. told: returns all text that has reached the place, half-written leftovers included. broken: a context in which
the place takes nothing.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from trustmart.audiences import Member
from trustmart.destinations import Destination
from trustmart.errors import DestinationError

EVERYTHING_ALLOWED = ("email_sha256", "surname")

Reopen = Callable[[], Destination]
Told = Callable[[], str]
Broken = Callable[[], AbstractContextManager[None]]


def member(name: str, **fields: str) -> Member:
    """Return an invented member."""
    return Member(
        member_id=f"id-{name}",
        fields=fields or {"email_sha256": f"hash-{name}", "surname": f"surname-{name}", "phone": f"phone-{name}"},
        subject_id=f"subject-{name}",
        legal_basis="consent",
        evidence_event_id=f"E-{name}",
    )


ANN, BOB = member("ann"), member("bob")


class DestinationKit:
    """Laws of destinations."""

    def test_what_was_told_is_receipted(self, destination: Destination) -> None:
        """A receipt names the change and counts what was accepted (S68)."""
        for tell, operation, people in (
            (destination.remove, "remove", [ANN]),
            (destination.add, "add", [ANN, BOB]),
        ):
            receipt = tell("aud", "c1", people)
            assert (receipt.change_id, receipt.operation) == ("c1", operation)
            assert (receipt.accepted, receipt.rejected) == (len(people), 0)
            assert destination.receipt("aud", "c1", operation) == receipt

    def test_the_same_change_twice_is_done_once(self, destination: Destination, told: Told) -> None:
        """Telling a change again after a crash adds and removes nobody twice (S68)."""
        for tell in (destination.remove, destination.add):
            first = tell("aud", "c1", [ANN, BOB])
            after_once = told()
            assert tell("aud", "c1", [ANN, BOB]) == first
            assert told() == after_once

    def test_the_next_process_can_ask_what_became_of_a_change(self, destination: Destination, reopen: Reopen) -> None:
        """After a crash the receipt is there for whoever asks (S68)."""
        receipt = destination.add("aud", "c1", [ANN, BOB])
        assert reopen().receipt("aud", "c1", "add") == receipt
        assert reopen().add("aud", "c1", [ANN, BOB]) == receipt

    def test_a_change_that_never_arrived_has_no_receipt(self, destination: Destination) -> None:
        """What a destination was not told it does not confirm: not for another change, operation or audience (S68)."""
        assert destination.receipt("aud", "c1", "add") is None
        destination.remove("aud", "c1", [ANN])
        assert destination.receipt("aud", "c1", "add") is None
        assert destination.receipt("aud", "c2", "remove") is None
        assert destination.receipt("other", "c1", "remove") is None
        assert destination.receipt("aud", "c1", "remove").accepted == 1

    def test_nothing_to_tell_is_not_told(self, destination: Destination, told: Told) -> None:
        """An empty change leaves no trace (S68)."""
        for tell, operation in ((destination.remove, "remove"), (destination.add, "add")):
            assert tell("aud", "c1", []).accepted == 0
            assert destination.receipt("aud", "c1", operation) is None
        assert told() == ""

    def test_nothing_leaves_that_policy_does_not_list(self, destination: Destination, told: Told) -> None:
        """Only the listed columns are told: no other field, and never our own name for a person or their proof (S42)."""
        destination.add("aud", "c1", [ANN])
        assert "id-ann" in told()
        assert "hash-ann" in told()
        for secret in ("phone-ann", "subject-ann", "E-ann"):
            assert secret not in told()

    def test_a_removal_says_no_more_than_it_must(self, destination: Destination, told: Told) -> None:
        """Whoever is taken out is named by member id and hash; their name is not told once more (S21)."""
        destination.remove("aud", "c1", [ANN])
        assert "id-ann" in told()
        assert "surname-ann" not in told()

    def test_a_receipt_names_nobody(self, destination: Destination) -> None:
        """A receipt goes to the ledger, so it holds counts only (S68)."""
        said = repr(destination.add("aud", "c1", [ANN])) + repr(destination.receipt("aud", "c1", "add"))
        assert "-ann" not in said

    def test_a_destination_that_cannot_is_an_error_in_words(self, destination: Destination, broken: Broken) -> None:
        """A failure is a DestinationError that names nobody and says what to type next (S68)."""
        for tell in (destination.remove, destination.add):
            with broken(), pytest.raises(DestinationError, match="trustmart activate") as caught:
                tell("aud", "c1", [ANN])
            assert "-ann" not in str(caught.value)

    def test_a_failure_leaves_nothing_half_done(self, destination: Destination, broken: Broken, told: Told) -> None:
        """What failed was not told at all, so that telling it again tells it once (S68)."""
        with broken(), pytest.raises(DestinationError):
            destination.add("aud", "c1", [ANN, BOB])
        assert told() == ""
        assert destination.receipt("aud", "c1", "add") is None
        assert destination.add("aud", "c1", [ANN, BOB]).accepted == 2
        assert destination.receipt("aud", "c1", "add").accepted == 2
