"""What a night imports ahead must leave Python as it found it."""

import gc
from collections.abc import Iterator
from importlib import import_module

import pytest

night = import_module("trustmart.pipeline.night")  # the package has a function of that name


@pytest.fixture(autouse=True)
def thaw() -> Iterator[None]:
    """Give what a test froze back to the collector."""
    yield
    gc.unfreeze()


def test_the_collector_works_again_after_the_imports() -> None:
    """What was imported is set aside, and garbage is looked for as before (S68)."""
    night._import_for_good("json")
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_the_collector_works_again_after_an_import_that_failed() -> None:
    """A module that is missing is for the stage that needs it to report; memory is looked after all the same (S68)."""
    with pytest.raises(ModuleNotFoundError):
        night._import_for_good("trustmart.no_such_module")
    assert gc.isenabled()
