"""How long it takes to decide 10,000 use cases, trails and conditions included, in one process.

python benchmarks/decisions.py [--out benchmarks/results/decisions.json]
"""

import argparse
import json
import platform
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trustmart.legal_basis import World, decide
from trustmart.policy.use_cases import Channel, Controller, Kind, Mechanism, Origin, Product, Relation, UseCase

USE_CASES = 10_000
RUNS = 5
WORLD = World(
    controller=Controller(name="Bank", country="NO", contact="a@b.example", data_protection_officer="c@d.example"),
    eea=frozenset({"NO", "SE", "DE"}),
    adequate=frozenset({"CH"}),
    live_calls_without_consent=frozenset({"NO", "SE"}),
    ages_of_digital_consent={"NO": 13, "DE": 16},
    default_age_of_digital_consent=18,
)
DATA_USES = (
    "essential.service",
    "essential.fraud_detection",
    "analytics.reporting",
    "marketing.communications.email",
    "marketing.advertising.first_party.targeted",
    "marketing.advertising.third_party.targeted",
    "personalize.profiling",
    "third_party_sharing",
)
CATEGORIES = (
    "user.contact.email",
    "user.account",
    "user.financial.credit_score",
    "user.content.private",
    "user.device.device_id",
    "user.childrens",
    "user.health_and_medical",
)


def any_use_case(chance: random.Random, *, unknown: float) -> UseCase | None:
    """Return a use case drawn by chance, with a share of its fields not known; None where it contradicts itself."""

    def pick(*values: Any) -> Any:
        return None if chance.random() < unknown else chance.choice(values)

    transfer = {
        "recipient": "somebody",
        "relation": chance.choice(list(Relation)),
        "country": pick("NO", "CH", "CN"),
        "mechanism": chance.choice(list(Mechanism)),
    }
    content = {
        "purpose": {
            "data_use": chance.choice(DATA_USES),
            "product": pick(*Product),
            "necessary_for_contract": pick(False, True, "no account without it"),
            "statutory_duty": chance.choice([None, None, None, "Bookkeeping Act"]),
        },
        "processing": {
            "kind": chance.choice(list(Kind)),
            "individuals": pick(True, True, False),
            "profiling": pick(True, False),
            "significant_effect": pick(True, False, False),
            "channels": chance.sample(list(Channel), chance.randint(0, 2)),
        },
        "source": {
            "categories": chance.sample(CATEGORIES, chance.randint(1, 3)),
            "origin": pick(*Origin),
            "existing_relationship": pick(True, True, False),
            "obtained_in_sale": pick(True, False),
            "electronic_communications": pick(True, False, False),
            "youngest": chance.choice([None, None, 12, 16, 18]),
            "countries": chance.choice([[], ["NO"], ["NO", "DE"]]),
        },
        "transfers": [transfer] * chance.randint(0, 2),
    }
    try:
        return UseCase.model_validate(content)
    except ValidationError:
        return None


def use_cases(unknown: float) -> list[UseCase]:
    """Return the same 10,000 use cases on every machine."""
    chance = random.Random(1)
    found: list[UseCase] = []
    while len(found) < USE_CASES:
        if (made := any_use_case(chance, unknown=unknown)) is not None:
            found.append(made)
    return found


def measure(unknown: float) -> dict[str, Any]:
    """Decide them all, several times; the median counts."""
    made = use_cases(unknown)
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        verdicts = [decide("any", use_case, WORLD) for use_case in made]
        seconds.append(time.perf_counter() - started)
    bases = Counter(verdict.legal_basis.value for verdict in verdicts)
    return {"seconds": [round(each, 3) for each in sorted(seconds)], "bases": dict(sorted(bases.items()))}


def main() -> None:
    """Measure with everything known, and with one field in ten not known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "decisions.json")
    options = parser.parse_args()
    result = {
        "use_cases": USE_CASES,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "all_known": measure(0.0),
        "one_field_in_ten_not_known": measure(0.1),
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    for name in ("all_known", "one_field_in_ten_not_known"):
        seconds = result[name]["seconds"]
        print(f"{USE_CASES:,} use cases, {name.replace('_', ' ')}: {seconds[RUNS // 2]} s (median of {RUNS})")


if __name__ == "__main__":
    main()
