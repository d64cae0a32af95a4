"""The five verbs, in order: ingest, forget, transform, release, activate."""

from trustmart.pipeline.activate import activate
from trustmart.pipeline.context import Context, open_context
from trustmart.pipeline.forget import forget
from trustmart.pipeline.ingest import ingest
from trustmart.pipeline.night import files, night, write_report
from trustmart.pipeline.release import raise_if_held, release
from trustmart.pipeline.requests import receive_request
from trustmart.pipeline.transform import transform

__all__ = [
    "Context",
    "activate",
    "files",
    "forget",
    "ingest",
    "night",
    "open_context",
    "raise_if_held",
    "receive_request",
    "release",
    "transform",
    "write_report",
]
