"""The epochs that the ledger remembers: by which recoding a mart was told, and since when."""

from collections.abc import Iterator

from trustmart.anonymity.epochs import Epoch, newest_epoch
from trustmart.pipeline.context import Context


def epoch_of(context: Context, mart: str) -> Epoch | None:
    """Return the epoch in which a mart stood at the night."""
    until = context.as_of.isoformat()
    return newest_epoch([entry.facts for entry in context.ledger.entries("epoch") if entry.at <= until], mart)


def epochs_of(context: Context) -> Iterator[tuple[Epoch, str]]:
    """Yield every epoch that was ever opened, oldest first, with its instant."""
    for entry in context.ledger.entries("epoch"):
        yield Epoch(**entry.facts), entry.at
