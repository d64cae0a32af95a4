"""Turns whatever a stage raises into a failure that may be logged: ours as it is, all others by kind only."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException

import trustmart
from trustmart.errors import DestinationError, SourceMissing, TrustmartError, WarehouseBusy

T = TypeVar("T")

PIPELINE = str(Path(trustmart.__file__).parent)

# These pass by themselves: the extract is late, another run is writing, the destination is away.
PASSING = (WarehouseBusy, SourceMissing, DestinationError)


class Refused(AirflowFailException):
    """Somebody has to act, so trying again would change nothing."""


class TryAgain(AirflowException):
    """It may pass by itself."""


OURS = (Refused, TryAgain)


def told_safely(work: Callable[[], T], *, stage: str) -> T:
    """Do the work; raise Refused or TryAgain in words that hold no value of a person.

    The failure is raised outside of the handler, so that Airflow's log has no foreign exception to print.
    """
    try:
        return work()
    except TrustmartError as error:
        kind = TryAgain if isinstance(error, PASSING) else Refused
        failure: AirflowException = kind(f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001  any library's own words may quote a person
        failure = TryAgain(
            f"{stage} broke off with {type(error).__name__} at {_place(error)}. The message may quote a"
            f" person, so it is not kept here. To see it, on the machine itself: trustmart {stage}"
        )
    raise failure


def _place(error: Exception) -> str:
    """Return file and line where our own code called what broke off."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(PIPELINE)] or frames
    return f"{'/'.join(Path(ours[-1].filename).parts[-2:])}:{ours[-1].lineno}"
