"""Anonymeter's three attacks on one sample; runs in an environment of its own, and prints JSON.

Published rows stand for the release, the same people's labelled records for the originals, and records that were kept
out for the control. A record keeps its row number, so that people with equal labels stay several people: Anonymeter
drops repeated rows, and would take each class for one person.
"""

import json
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

ATTACKS, SEED, ATTEMPTS = 500, 11, 20_000


def figures(evaluator: Any) -> dict[str, float]:
    """Return the risk over control with its interval, and the success of attack and control."""
    risk, results = evaluator.risk(confidence_level=0.95), evaluator.results(confidence_level=0.95)
    return {
        "risk": float(risk.value),
        "low": float(risk.ci[0]),
        "high": float(risk.ci[1]),
        "attack": float(results.attack_rate.value),
        "control": float(results.control_rate.value),
    }


def attack(path: str, quasi_identifiers: list[str], sensitive: str) -> dict[str, dict[str, float]]:
    """Make the three attacks on a Parquet file with the columns part (release or control), labels and sensitive."""
    rows = pd.read_parquet(path)
    columns = [*quasi_identifiers, sensitive]
    released = rows[rows["part"] == "release"][columns].reset_index(drop=True)
    control = rows[rows["part"] == "control"][columns].reset_index(drop=True)
    shown = released.sample(frac=1, random_state=SEED).reset_index(drop=True)
    people, others = (part.assign(person=np.arange(len(part))) for part in (released, control))
    half = len(quasi_identifiers) // 2 + 1
    parts = (quasi_identifiers[:half], [*quasi_identifiers[half:], sensitive])
    return {
        "singling out": figures(
            SinglingOutEvaluator(
                ori=people, syn=shown, control=others, n_attacks=ATTACKS, n_cols=3, max_attempts=ATTEMPTS, seed=SEED
            ).evaluate(mode="multivariate")
        ),
        "linkability": figures(
            LinkabilityEvaluator(ori=released, syn=shown, control=control, aux_cols=parts, n_attacks=ATTACKS).evaluate(
                n_jobs=1
            )
        ),
        "inference": figures(
            InferenceEvaluator(
                ori=released,
                syn=shown,
                control=control,
                aux_cols=quasi_identifiers,
                secret=sensitive,
                n_attacks=ATTACKS,
            ).evaluate(n_jobs=1)
        ),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.random.seed(SEED)
    print(json.dumps(attack(sys.argv[1], sys.argv[2].split(","), sys.argv[3])))
