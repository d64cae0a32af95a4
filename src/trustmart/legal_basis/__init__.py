"""By what right data may be used: decided from the use case, never typed in. Pure rules, no engine."""

from trustmart.legal_basis.alternatives import Alternative, Edit, alternatives
from trustmart.legal_basis.bases import LegalBasis
from trustmart.legal_basis.decision import decide
from trustmart.legal_basis.ground import Ground
from trustmart.legal_basis.reach import BRANCH_OF, Reach, Standing, Tally, purpose_counted, reach, tally_of
from trustmart.legal_basis.status import State, Status, grounds_of, status_of, statuses_of
from trustmart.legal_basis.verdict import Because, Step, Verdict
from trustmart.legal_basis.world import World, world_of

__all__ = [
    "BRANCH_OF",
    "Alternative",
    "Because",
    "Edit",
    "Ground",
    "LegalBasis",
    "Reach",
    "Standing",
    "State",
    "Status",
    "Step",
    "Tally",
    "Verdict",
    "World",
    "alternatives",
    "decide",
    "grounds_of",
    "purpose_counted",
    "reach",
    "status_of",
    "statuses_of",
    "tally_of",
    "world_of",
]
