"""The laboratory mart that the documentation declares: it must be one that policy takes."""

import re
import shutil
from pathlib import Path

import pytest

from trustmart.errors import PolicyFault
from trustmart.policy import Tier, load_policy

PROJECT = Path(__file__).resolve().parents[2]
MART = "dim_customer_laboratory"


def declared(folder: Path, old: str = "", new: str = "") -> Path:
    """Copy the policy, with the declaration from the documentation, some of it changed."""
    text = (PROJECT / "docs" / "release-tiers.md").read_text(encoding="utf-8")
    (entry,) = re.findall(rf"```yaml\n(  {MART}:\n.*?)```", text, re.DOTALL)
    assert old in entry
    shutil.copytree(PROJECT / "policy", folder)
    with (folder / "releases.yml").open("a", encoding="utf-8") as releases:
        releases.write("\n" + entry.replace(old, new, 1))
    return folder


def test_the_documented_laboratory_is_a_sound_release(tmp_path: Path) -> None:
    """(S12) Whoever copies the declaration has a mart that the night makes by a tree."""
    release = load_policy(declared(tmp_path / "policy")).releases[MART]
    assert (release.tier, release.reserve, release.is_microdata) == (Tier.LABORATORY, 49, True)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("minimum_level: year, ", "", "days and exact numbers single people out"),
        ("hierarchy: job_kinds", "hierarchy: job_kind", "a hierarchy of hierarchies.yml"),
        ("housing_loan: {", "people: {", "'people' is a name that the door and the gate use"),
        ("reserve: 49", "reserve: -1", "greater than or equal to 0"),
        ("reserve: 49", "hold_back: true", "are for cubes"),
    ],
)
def test_a_laboratory_that_would_protect_nobody_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    """(S03) What a laboratory may not say is a fault, with its place."""
    with pytest.raises(PolicyFault) as caught:
        load_policy(declared(tmp_path / "policy", old, new))
    assert any(says in what for what in caught.value.faults), caught.value.faults
