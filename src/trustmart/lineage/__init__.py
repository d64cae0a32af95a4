"""What flows where, from dbt's manifest and compiled SQL."""

from trustmart.lineage.fences import BrokenFences, broken_fences
from trustmart.lineage.manifest import Manifest, Model, read_manifest

__all__ = ["BrokenFences", "Manifest", "Model", "broken_fences", "read_manifest"]
