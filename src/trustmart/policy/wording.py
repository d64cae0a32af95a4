"""How a fault is said: what was found, what is accepted, and what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_LISTED = 12


def not_one_of(found: object, accepted: Iterable[str], noun: str) -> str:
    """Say that a word is not among those accepted, and which of them it resembles."""
    known = sorted(accepted)
    near = get_close_matches(str(found), known, n=1, cutoff=0.6)
    listed = ", ".join(known[:MOST_LISTED]) + (
        f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    )
    guess = f"; did you mean {near[0]}?" if near else ""
    return f"{found!r} is not {noun}{guess} (accepted: {listed or 'none yet'})"
