"""The five verbs, in order: ingest, forget, transform, release, activate."""

from trustmart.pipeline.context import Context, open_context
from trustmart.pipeline.forget import forget
from trustmart.pipeline.ingest import ingest
from trustmart.pipeline.transform import transform

__all__ = ["Context", "forget", "ingest", "open_context", "transform"]
