"""What a manifest says of the gate: how every expectation came out, in every zone; and what came out otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trustmart.ledger import Sealed


def verdicts_of(sealed: Sealed) -> dict[str, Any]:
    """Return how everything came out in one release: zones, audiences, marts; of a rollback, nothing was judged.

    A manifest of format 1 has no zones and no audiences, and does not say which of its checks were met (None).
    """
    facts = sealed.manifest
    return {
        "number": sealed.number,
        "release_id": sealed.release_id,
        "kind": facts["kind"],
        "night": facts["at"],
        "policy_version": facts["policy_version"],
        "code_version": facts["code_version"],
        "checkpoints": facts.get("checkpoints", {}),
        "audiences": facts.get("audiences", {}),
        "marts": {
            mart: {**{name: told.get(name) for name in ("verdict", "findings", "attacks")}, "checks": _checks(told)}
            for mart, told in facts["verdicts"].items()
        },
    }


def other_verdicts(before: Sealed, after: Sealed) -> dict[str, Any]:
    """Return which zones, audiences and expectations came out otherwise; what one of them was not asked is left out."""
    old, new = verdicts_of(before), verdicts_of(after)
    return {
        "checkpoints": _otherwise(old["checkpoints"], new["checkpoints"]),
        "audiences": _otherwise(old["audiences"], new["audiences"]),
        "checks": sorted(
            ({"of": of, **one} for of, one in _other_checks(old, new)),
            key=lambda one: (one["of"], one["expectation"], one["about"]),
        ),
    }


def checks_by_place(told: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Yield (zone, audience or mart with its table, checks) of what `verdicts_of` returns."""
    for zone, one in told["checkpoints"].items():
        yield from ((f"{zone}: {table}", checks) for table, checks in one["checks"].items())
    yield from ((f"audience: {name}", one["checks"]) for name, one in told["audiences"].items())
    yield from ((f"anonymized: {mart}", one["checks"]) for mart, one in told["marts"].items())


def _checks(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a mart's checks as they are written today."""
    return [
        {"expectation": one, "about": "", "met": None, "found": None} if isinstance(one, str) else dict(one)
        for one in told.get("checks", ())
    ]


def _otherwise(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the verdicts that differ."""
    return {
        name: {"from": old[name]["verdict"], "to": new[name]["verdict"]}
        for name in sorted(old.keys() & new.keys())
        if old[name]["verdict"] != new[name]["verdict"]
    }


def _other_checks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the expectations that came out otherwise, with where they are asked."""
    known = {
        (of, one["expectation"], one["about"]): one["met"] for of, checks in checks_by_place(old) for one in checks
    }
    for of, checks in checks_by_place(new):
        for one in checks:
            was = known.get((of, one["expectation"], one["about"]))
            if None not in (was, one["met"]) and was != one["met"]:
                yield of, {"expectation": one["expectation"], "about": one["about"], "from": was, "to": one["met"]}
