"""What every destination must do, as tests: subclass DestinationKit and provide the fixture `destination`."""

from trustmart.audiences import Member
from trustmart.destinations import Destination


def member(name: str, **fields: str) -> Member:
    """Return an invented member."""
    return Member(
        member_id=f"id-{name}",
        fields=fields or {"email_sha256": f"hash-{name}"},
        subject_id=f"subject-{name}",
        legal_basis="consent",
        evidence_event_id=f"E-{name}",
    )


ANN, BOB = member("ann"), member("bob")


class DestinationKit:
    """Laws of destinations."""

    def test_what_was_added_is_receipted(self, destination: Destination) -> None:
        """A receipt counts what was accepted (S68)."""
        receipt = destination.add("aud", "c1", [ANN, BOB])
        assert (receipt.operation, receipt.accepted, receipt.rejected) == ("add", 2, 0)

    def test_the_same_change_twice_is_done_once(self, destination: Destination) -> None:
        """Telling a change again after a crash adds nobody twice (S68)."""
        first = destination.add("aud", "c1", [ANN, BOB])
        assert destination.add("aud", "c1", [ANN, BOB]) == first
        assert destination.receipt("aud", "c1", "add").accepted == 2

    def test_a_change_that_never_arrived_has_no_receipt(self, destination: Destination) -> None:
        """What a destination was not told it does not confirm (S68)."""
        assert destination.receipt("aud", "c1", "add") is None
        destination.remove("aud", "c1", [ANN])
        assert destination.receipt("aud", "c1", "add") is None
        assert destination.receipt("aud", "c1", "remove").accepted == 1

    def test_nothing_to_tell_is_not_told(self, destination: Destination) -> None:
        """An empty change leaves no trace (S68)."""
        assert destination.add("aud", "c1", []).accepted == 0
        assert destination.receipt("aud", "c1", "add") is None

    def test_audiences_do_not_mix(self, destination: Destination) -> None:
        """What one audience was told is not confirmed for another (S42)."""
        destination.add("aud", "c1", [ANN])
        assert destination.receipt("other", "c1", "add") is None
