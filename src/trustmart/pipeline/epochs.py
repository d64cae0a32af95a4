"""The epochs that the ledger remembers: by which recoding a mart was told, and since when."""

from collections.abc import Iterator

from trustmart.anonymity.epochs import Epoch, newest_epoch
from trustmart.pipeline.context import Context


def epoch_of(context: Context, mart: str) -> Epoch | None:
    """Return the epoch in which a mart stood at the night, its tree pooled as it was by then."""
    until = context.as_of.isoformat()
    # By their instant: a past night that is told again is written behind later ones.
    entries = sorted((one for one in context.ledger.entries() if one.at <= until), key=lambda entry: entry.at)
    epochs, poolings = ([entry.facts for entry in entries if entry.kind == kind] for kind in ("epoch", "pooling"))
    return newest_epoch(epochs, mart, poolings=poolings)


def epochs_of(context: Context) -> Iterator[tuple[Epoch, str]]:
    """Yield every epoch that was ever opened, oldest first, with its instant."""
    for entry in context.ledger.entries("epoch"):
        yield Epoch(**entry.facts), entry.at
