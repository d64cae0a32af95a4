"""The shipped policy with every use case ready to run."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

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
    # An objection to a purpose meets a contract that names it too: the contract must not mind.
    content["use_cases"]["account_keeping"]["asked_as"] = "offer_selection"
    (folder / "use_cases.yml").write_text(yaml.safe_dump(content))
    return folder
