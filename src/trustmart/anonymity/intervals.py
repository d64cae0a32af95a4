"""How sure an attack's success is: Wilson's interval, and what remains of a risk over its control.

Source: Giomi, Boenisch, Wehmeyer, Tasnádi, "A Unified Framework for Quantifying Privacy Risk in Synthetic Data",
PoPETs 2023, section 4.1 (risk, control, intervals); Wilson, JASA 22, 1927.
"""

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """A share between 0 and 1 and its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(successes: float, attempts: float) -> Risk:
    """Return the share of successes with Wilson's 95 % interval; without attempts everything is possible.

    Raises ValueError where there are more successes than attempts.
    """
    if not 0 <= successes <= attempts:
        raise ValueError(f"{successes:g} of {attempts:g} attempts is no share")
    if attempts == 0:
        return Risk(value=0.0, low=0.0, high=1.0)
    share, square = successes / attempts, Z_95**2
    middle = (share + square / (2 * attempts)) / (1 + square / attempts)
    spread = Z_95 / (1 + square / attempts) * math.sqrt(share * (1 - share) / attempts + square / (4 * attempts**2))
    return Risk(value=share, low=max(0.0, min(middle - spread, share)), high=min(1.0, max(middle + spread, share)))


def residual(attack: Risk, control: Risk) -> Risk:
    """Return (attack − control) / (1 − control), at least 0: what an attack owes to the release itself.

    The errors of both shares add up as in the source; a control that always succeeds leaves nothing.
    """
    if control.value >= 1:
        return Risk(value=0.0, low=0.0, high=0.0)
    rest = 1 - control.value
    value = (attack.value - control.value) / rest
    of_attack = (attack.high - attack.low) / 2 / rest
    of_control = (control.high - control.low) / 2 * (1 - attack.value) / rest**2
    spread = math.sqrt(of_attack**2 + of_control**2)
    return Risk(value=max(0.0, value), low=max(0.0, value - spread), high=min(1.0, max(0.0, value + spread)))
