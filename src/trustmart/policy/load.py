"""Read policy/*.yml, and report all faults of all files at once."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trustmart.errors import PolicyFault
from trustmart.policy.consistency import faults_between
from trustmart.policy.models import Policy
from trustmart.policy.wording import UNION_STEPS, faults_in_words
from trustmart.policy.yaml_lines import Document, Place, read_document

# Which top-level keys each file holds; a policy is all of them together.
FILES: Mapping[str, tuple[str, ...]] = {
    "attributes.yml": ("attributes", "known_salts"),
    "sources.yml": ("sources",),
    "use_cases.yml": ("controller", "use_cases"),
    "purposes.yml": ("purposes",),
    "hierarchies.yml": ("hierarchies",),
    "releases.yml": ("releases",),
    "destinations.yml": ("destinations", "audiences"),
    "scores.yml": ("scores",),
    "jurisdictions.yml": (
        "jurisdictions",
        "default_age_of_digital_consent",
        "eea",
        "adequacy",
        "live_calls_without_consent",
    ),
}

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def load_policy(folder: Path, *, environment: Mapping[str, str] | None = None) -> Policy:
    """Return the policy in a folder; raises PolicyFault with every fault as `file:line: what`.

    `${NAME}` and `${NAME:-default}` in a text are filled from the environment (os.environ unless given).
    """
    environment = os.environ if environment is None else environment
    documents = {name: _read(folder / name) for name in FILES}
    unknown = sorted({path.name for path in folder.glob("*.y*ml")} - set(FILES))
    faults = [f"{name}:1: no policy file has this name (known: {', '.join(FILES)})" for name in unknown]
    owner = {key: documents[name] for name, keys in FILES.items() for key in keys}
    content: dict[str, Any] = {"version": _version(folder)}
    for name, document in documents.items():
        faults += document.faults
        content |= _top_level(document, FILES[name], faults)
    faults += _find_tables_of_hierarchies(content, folder, documents["hierarchies.yml"])
    policy = _validate(content, environment, owner, faults)
    if policy is not None:
        faults += [_at(owner, place, what) for place, what in faults_between(policy)]
    if faults or policy is None:
        raise PolicyFault(sorted(set(faults), key=_file_and_line))
    return policy


def _read(path: Path) -> Document:
    """Read one file; a missing one is a fault like any other."""
    if path.is_file():
        return read_document(path)
    return Document(name=path.name, faults=[f"{path.name}:1: there is no such file in {path.parent.name}/"])


def _version(folder: Path) -> str:
    """Return a short digest of the files' bytes: the name under which decisions remember this policy."""
    digest = hashlib.sha256()
    for name in FILES:
        path = folder / name
        digest.update(name.encode() + b"\0" + (path.read_bytes() if path.is_file() else b"") + b"\0")
    for path in sorted((folder / "hierarchies").glob("*.csv")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _top_level(document: Document, keys: tuple[str, ...], faults: list[str]) -> dict[str, Any]:
    """Return the file's known top-level keys; others are faults."""
    if document.content is None:
        return {}
    if not isinstance(document.content, dict):
        faults.append(f"{document.name}:1: must begin with {' or '.join(f'{key}:' for key in keys)}")
        return {}
    for key in document.content:
        if key not in keys:
            line = document.line_of((key,))
            faults.append(f"{document.name}:{line}: unknown word {key!r} (known here: {', '.join(keys)})")
    return {key: value for key, value in document.content.items() if key in keys}


def _find_tables_of_hierarchies(content: dict[str, Any], folder: Path, document: Document) -> list[str]:
    """Let each hierarchy's CSV be found from anywhere; return a fault for each that is not there."""
    faults = []
    declared = content.get("hierarchies")
    if not isinstance(declared, dict):
        return []
    for name, rule in declared.items():
        if isinstance(rule, dict) and isinstance(rule.get("csv"), str):
            path = folder / rule["csv"]
            declared[name] = {**rule, "csv": str(path)}
            if not path.is_file():
                line = document.line_of(("hierarchies", name, "csv"))
                faults.append(
                    f"hierarchies.yml:{line}: hierarchies.{name}.csv: there is no such file in {folder.name}/"
                )
    return faults


def _fill(value: Any, environment: Mapping[str, str]) -> Any:
    """Fill ${NAME:-default} in every text."""
    if isinstance(value, dict):
        return {key: _fill(inner, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, environment) for inner in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: environment.get(match[1]) or match[2] or "", value)
    return value


def _validate(
    content: dict[str, Any], environment: Mapping[str, str], owner: Mapping[str, Document], faults: list[str]
) -> Policy | None:
    """Build the typed policy, or add each of its faults."""
    try:
        return Policy.model_validate(_fill(content, environment))
    except ValidationError as error:
        for place, what in faults_in_words(error, Policy, written=content):
            if what == f"{place[0]!r} is missing" and owner[str(place[0])].faults:
                continue  # the file itself is missing or unreadable, which is said already
            faults.append(_at(owner, place, what))
        return None


def _at(owner: Mapping[str, Document], place: Place, what: str) -> str:
    """Put file and line before a fault."""
    document = owner[str(place[0])]
    path = ".".join(str(step) for step in place if step not in UNION_STEPS)
    return f"{document.name}:{document.line_of(place)}: {path}: {what}"


def _file_and_line(fault: str) -> tuple[str, int]:
    """Sort faults as a reader meets them."""
    name, line, _ = fault.split(":", 2)
    return name, int(line)
