"""Open cubes: which cells may be read, and what can be worked out about the others. Pure."""

from trustmart.anonymity.cubes.attacks import determine, interval, narrow, subtract
from trustmart.anonymity.cubes.auditing import Audit, audit
from trustmart.anonymity.cubes.cells import CellFigures, count_cells
from trustmart.anonymity.cubes.dominance import is_dominated, slack
from trustmart.anonymity.cubes.relations import ROLLED, Labels, Relations, relate
from trustmart.anonymity.cubes.suppression import Cube, Reason, reasons_counted, recovered_by_subtraction, withhold

__all__ = [
    "ROLLED",
    "Audit",
    "CellFigures",
    "Cube",
    "Labels",
    "Reason",
    "Relations",
    "audit",
    "count_cells",
    "determine",
    "interval",
    "is_dominated",
    "narrow",
    "reasons_counted",
    "recovered_by_subtraction",
    "relate",
    "slack",
    "subtract",
    "withhold",
]
