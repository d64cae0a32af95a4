"""What a manifest says of every check, and which came out otherwise in the next."""

from pathlib import Path
from typing import Any

from trustmart.gates import AudienceGateReport, Finding, ZoneGateReport
from trustmart.gates.report import Checked
from trustmart.ledger import ReleaseChain, Sealed
from trustmart.ledger.manifests import seal
from trustmart.pipeline.manifest import checkpoints
from trustmart.pipeline.verdicts import other_verdicts, verdicts_of

KEY = "k" * 64
FINDING = Finding(what="3 rows are nobody's", count=3, next_step="look")


def checked(name: str, *findings: Finding, about: str = "") -> Checked:
    """Return how an expectation came out."""
    return Checked(expectation=name, about=about, findings=findings)


def manifest(*zone_findings: Finding, held: bool = False, checks: list[Any] | None = None) -> dict[str, Any]:
    """Return a manifest of one mart, whose restricted zone has these findings."""
    zones = {
        "restricted": ZoneGateReport(zone="restricted", checks={"batches": (checked("ExpectRowsToAddUp"),)}),
        "personal": ZoneGateReport(zone="personal", checks={"aud": (checked("ExpectOneRow", *zone_findings),)}),
    }
    audience = AudienceGateReport(
        audience="aud", title="A", use_case="mail", rows=7, findings=zone_findings, checks=(checked("ExpectOneRow"),)
    )
    told = [checked("ExpectLabels", *([FINDING] if held else []), about="region").as_dict()]
    return {
        "number": 1,
        "release_id": "night",
        "kind": "release",
        "at": "2026-11-20T12:00:00+00:00",
        "policy_version": "p",
        "code_version": "c",
        **checkpoints(zones, [audience]),
        "verdicts": {"dim": {"verdict": "held" if held else "released", "checks": checks or told, "findings": []}},
    }


def sealed(facts: dict[str, Any]) -> Sealed:
    """Seal a manifest."""
    return seal(facts, key=KEY)


def test_every_zone_audience_and_check_is_in_the_manifest_as_counts() -> None:
    """A manifest says of each check whether it was met and how much was found, and how large no audience is (S12)."""
    facts = manifest(FINDING)
    assert facts["checkpoints"]["personal"] == {
        "verdict": "held",
        "tables": 1,
        "expectations": 1,
        "checks": {"aud": [{"expectation": "ExpectOneRow", "about": "", "met": False, "found": 3}]},
        "findings": {"aud": [{"what": FINDING.what, "count": 3}]},
    }
    assert facts["checkpoints"]["restricted"]["verdict"] == "met"
    assert facts["audiences"]["aud"]["verdict"] == "held"
    assert "rows" not in facts["audiences"]["aud"]
    assert "look" not in str(facts)


def test_what_came_out_otherwise_is_told() -> None:
    """Zones, audiences and checks whose verdict changed from one release to the next, each with where (S12)."""
    found = other_verdicts(sealed(manifest()), sealed(manifest(FINDING, held=True)))
    assert found["checkpoints"] == {"personal": {"from": "met", "to": "held"}}
    assert found["audiences"] == {"aud": {"from": "released", "to": "held"}}
    assert [(one["of"], one["expectation"], one["about"], one["to"]) for one in found["checks"]] == [
        ("anonymized: dim", "ExpectLabels", "region", False),
        ("personal: aud", "ExpectOneRow", "", False),
    ]
    same = other_verdicts(sealed(manifest()), sealed(manifest()))
    assert same == {"checkpoints": {}, "audiences": {}, "checks": []}


def test_a_manifest_of_before_is_read_and_proved_as_it_was_written(tmp_path: Path) -> None:
    """Format 1 names its checks alone and has no zones: it verifies, is shown, and nothing is made up of it (S12, S68)."""
    old = {
        name: one for name, one in manifest(checks=["ExpectLabels"]).items() if name not in ("checkpoints", "audiences")
    }
    chain = ReleaseChain(tmp_path, KEY)
    published = tmp_path / "published"
    published.write_text("what readers have")
    chain.begin(chain.following(old), published)
    chain.finish()
    assert chain.faults() == []
    told = verdicts_of(chain.read(1))
    assert (told["checkpoints"], told["audiences"]) == ({}, {})
    assert told["marts"]["dim"]["checks"] == [{"expectation": "ExpectLabels", "about": "", "met": None, "found": None}]
    assert other_verdicts(chain.read(1), sealed(manifest(held=True)))["checks"] == []
