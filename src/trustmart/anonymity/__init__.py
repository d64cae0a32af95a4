"""How far people stand out in a table: the plain-Python reference that every engine must agree with."""

from trustmart.anonymity.measures import (
    ClassMeasures,
    SizeBin,
    class_sizes,
    histogram,
    measure_classes,
    smallest_class_size,
    summarize_sizes,
    suppressed_share,
)

__all__ = [
    "ClassMeasures",
    "SizeBin",
    "class_sizes",
    "histogram",
    "measure_classes",
    "smallest_class_size",
    "summarize_sizes",
    "suppressed_share",
]
