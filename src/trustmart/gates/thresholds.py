"""When an attack holds a mart: every bound of the gate in one place, with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A bound, what is held against it, and who says so."""

    value: float
    holds: str
    source: str


_WP29 = "WP29 Opinion 05/2014"
_ANONYMETER = "Giomi et al., PoPETs 2023 (upper end of the 95 % interval)"

THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        "maximum_risk": Threshold(
            value=1 / 11,
            holds="the largest chance of naming somebody is above it (and above 1 / the release's minimum class size)",
            source="EMA Policy 0070 and Health Canada: 0.09, which is a class of 11",
        ),
        "expected_reidentified": Threshold(
            value=0.02,
            holds="a register is expected to name a larger share of the rows",
            source="ANONYMITY G2; El Emam 2013, marketer risk",
        ),
        "column_of_names": Threshold(
            value=0.5,
            holds="at least this share of a text column's different values (and three of them) are names of the CRM",
            source="a word may be a name by chance (Spring); half a column is not chance",
        ),
        "singled_out": Threshold(
            value=0.0, holds="a larger share of rows has a published tuple rarer than k", source=_WP29
        ),
        "singling_out_risk": Threshold(value=0.05, holds="the risk over control reaches above it", source=_ANONYMETER),
        "inference_risk": Threshold(value=0.05, holds="the risk over control reaches above it", source=_ANONYMETER),
        "nearly_certain": Threshold(
            value=0.9, holds="a class says a rarer value with this probability", source="ANONYMITY G4"
        ),
        "nearly_certain_share": Threshold(
            value=0.001, holds="a larger share of rows is in such a class", source="ANONYMITY G4"
        ),
        "share_margin": Threshold(
            value=0.05,
            holds="a published share is nearer to 0 or 1: it says something about everybody in its cell",
            source="policy: shares stand between 5 % and 95 %",
        ),
        "chance": Threshold(
            value=0.001,
            holds="so many figures equal one person's own value by chance with a smaller probability",
            source="binomial tail against figures moved by their own grain",
        ),
        "interval_width": Threshold(
            value=0.1,
            holds="the interval of a suppressed cell is narrower than this share of it",
            source="ANONYMITY G8",
        ),
        "membership_auc": Threshold(
            value=0.55,
            holds="what was learned tells those it has seen from the unseen with an AUC that reaches above it",
            source="Yeom et al., CSF 2018: an advantage of 0.1, which learning with epsilon 0.1 may have as well",
        ),
        "relabelled": Threshold(
            value=0.0, holds="a larger share of untouched people has another class", source="ANONYMITY G9"
        ),
        "relabelled_tree": Threshold(
            value=0.01, holds="the same, for a frozen tree (laboratory)", source="ANONYMITY G9"
        ),
    }
)

# How many earlier releases are remembered against a new one (ANONYMITY G6).
RELEASES_REMEMBERED = 30
# An attack on more rows counts as this many attempts: intervals must not look surer than the source's.
MOST_ATTEMPTS = 2000


def bound(name: str) -> float:
    """Return a threshold's value."""
    return THRESHOLDS[name].value
