"""What flows where, from dbt's manifest and compiled SQL."""

from trustmart.lineage.fences import BrokenFences, broken_fences
from trustmart.lineage.manifest import Manifest, Model, Seed, read_manifest
from trustmart.lineage.rules import LABELLED
from trustmart.lineage.type_check import TypeReport, check_types

__all__ = [
    "LABELLED",
    "BrokenFences",
    "Manifest",
    "Model",
    "Seed",
    "TypeReport",
    "broken_fences",
    "check_types",
    "read_manifest",
]
