"""How dirty the CRM is: which share of the rows carries which fault. Pure."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

# One row in so many carries the fault. The shares are those of the bank's CRM extract; the periods are
# primes, so that two faults meet in one row as often as chance would have it.
ONE_IN = {
    "blank_email": 41,
    "malformed_email": 211,
    "padded_email": 103,
    "shared_email": 347,
    "tagged_email": 127,
    "no_phone": 13,
    "missing_birth_date": 101,
    "impossible_birth_date": 9001,
    "minor": 311,
    "missing_gender": 61,
    "third_gender": 313,
    "curious_name": 67,
    "split_name": 83,
    "multiline_street": 2503,
    "note": 79,
    "duplicate": 307,
    "memo": 233,
    "redelivered_event": 499,
    "unknown_customer": 1999,
}

# Rows per unreadable row, and the fewest a file has.
READABLE_PER_UNREADABLE = 5_000
FEWEST_UNREADABLE = 3

SHORT_ROW_COLUMNS = 4
NOT_A_NUMBER = "n/a"
IMPOSSIBLE_INSTANT = "2026-13-45T99:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilable:
    """The columns of a file in which its unreadable rows go wrong."""

    identifier: int
    number: int
    instant: int


def faults(customers: int, seed: int) -> dict[str, dict[str, int]]:
    """Each fault's period and first row; small CRMs get shorter periods, so that no fault is missing."""
    periods = {fault: max(1, min(period, customers // 2)) for fault, period in ONE_IN.items()}
    return {
        fault: {"period": period, "first": zlib.crc32(f"{fault} {seed}".encode()) % period}
        for fault, period in periods.items()
    }


def unreadable_count(customers: int) -> int:
    """How many unreadable rows a file gets."""
    return max(FEWEST_UNREADABLE, customers // READABLE_PER_UNREADABLE)


def unknown_customer(customers: int) -> str:
    """A customer number made of nines that no customer has."""
    beyond = 100_000 + customers + unreadable_count(customers)
    return "C" + "9" * (len(str(beyond + 1)) if set(str(beyond)) == {"9"} else len(str(beyond)))


def spoil(row: Sequence[str], number: int, *, at: Spoilable, identifier: str) -> list[str]:
    """The row with a fault no reader can repair: cut short, not a number or no instant, in turn."""
    spoilt = list(row)
    spoilt[at.identifier] = identifier
    if number % 3 == 0:
        return spoilt[:SHORT_ROW_COLUMNS]
    if number % 3 == 1:
        spoilt[at.number] = NOT_A_NUMBER
    else:
        spoilt[at.instant] = IMPOSSIBLE_INSTANT
    return spoilt
