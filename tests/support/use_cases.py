"""Use cases for tests: the shipped ones made ready, and small ones of one's own."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
SIGNED = {"business": "somebody", "legal": "somebody else"}
PLANS = {"capture_plan": "asked in the app", "activation_plan": "used in a letter"}


@cache
def policy_with_everything_signed() -> Path:
    """Return a copy of the shipped policy's folder with every use case signed, and a plan on both sides of consent."""
    folder = Path(tempfile.mkdtemp(prefix="trustmart-policy-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(PROJECT / "policy", folder, dirs_exist_ok=True)
    content = yaml.safe_load((folder / "use_cases.yml").read_text())
    for use_case in content["use_cases"].values():
        use_case.update({"owners": SIGNED, **PLANS})
    (folder / "use_cases.yml").write_text(yaml.safe_dump(content))
    return folder


def use_case(**changes: dict[str, Any]) -> dict[str, Any]:
    """Return a use case as YAML has it: news by e-mail with consent; changes are merged into its blocks."""
    blocks: dict[str, Any] = {
        "owners": SIGNED,
        "purpose": {
            "data_use": "marketing.communications.email",
            "product": "own_dissimilar",
            "necessary_for_contract": False,
            "statutory_duty": None,
            "benefit": "news",
        },
        "processing": {
            "kind": "contact",
            "individuals": True,
            "profiling": False,
            "significant_effect": False,
            "channels": ["email"],
        },
        "source": {
            "categories": ["user.contact.email"],
            "origin": "first_party",
            "existing_relationship": True,
            "obtained_in_sale": True,
            "electronic_communications": False,
        },
        "transfers": [],
        "asked_as": "news",
        **PLANS,
    }
    for name, change in changes.items():
        blocks[name] = {**blocks[name], **change} if isinstance(change, dict) else change
    return blocks
