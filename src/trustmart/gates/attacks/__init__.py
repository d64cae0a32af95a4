"""The attacks that an anonymized mart must withstand before anyone may read it (ANONYMITY: the gate, G0 to G11).

Each is a function of a reader and arguments that a suite can keep; it works in the warehouse and brings back counts.
"""

from collections.abc import Callable, Mapping

from trustmart.gates.attacks.cube_inference import cube_inference
from trustmart.gates.attacks.dictionary import rehashed
from trustmart.gates.attacks.dominance import dominated_sums
from trustmart.gates.attacks.history import whole_history
from trustmart.gates.attacks.inference import inference
from trustmart.gates.attacks.learned import learned_rows, membership_of_learned
from trustmart.gates.attacks.linkability import margins_of_each_other, pair_classes
from trustmart.gates.attacks.names_in_text import names_in_text
from trustmart.gates.attacks.noise import drawn_cells
from trustmart.gates.attacks.numbers import numbers_of_people
from trustmart.gates.attacks.outcome import Attacked
from trustmart.gates.attacks.over_time import differencing, intersection, stability
from trustmart.gates.attacks.register import register_join
from trustmart.gates.attacks.rewritten import rewritten
from trustmart.gates.attacks.sharing import sharing
from trustmart.gates.attacks.singling_out import singling_out, told_sizes
from trustmart.gates.attacks.table_audit import table_audit
from trustmart.gates.attacks.vocabulary import declared_labels

Attack = Callable[..., Attacked]

ATTACKS: Mapping[str, Attack] = {
    attack.__name__: attack
    for attack in (
        declared_labels,
        rehashed,
        rewritten,
        numbers_of_people,
        names_in_text,
        register_join,
        singling_out,
        told_sizes,
        inference,
        cube_inference,
        dominated_sums,
        margins_of_each_other,
        pair_classes,
        whole_history,
        differencing,
        intersection,
        table_audit,
        stability,
        drawn_cells,
        learned_rows,
        membership_of_learned,
    )
}

__all__ = ["ATTACKS", "Attack", "Attacked", "sharing"]
