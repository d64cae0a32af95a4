"""Read a file of use cases on its own, for `trustmart decide --use-case FILE`; all its faults come at once."""

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trustmart.errors import PolicyFault
from trustmart.policy.base import Name, PolicyModel
from trustmart.policy.use_cases import Controller, UseCase
from trustmart.policy.vocabulary import faults_of_words
from trustmart.policy.wording import UNION_STEPS, faults_in_words
from trustmart.policy.yaml_lines import Document, Place, read_document

BLOCKS = ("purpose", "processing", "source", "transfers")


class UseCaseFile(PolicyModel):
    """Use cases by name, and whose they are where the file says so."""

    controller: Controller | None = None
    use_cases: dict[Name, UseCase]


def read_use_cases(path: Path) -> UseCaseFile:
    """Return the use cases of a file; raises PolicyFault with every fault as `file:line: what`.

    The file is `use_cases: {name: ...}`, or names at the top, or one use case whose four blocks are at the top (then
    its name is the file's). A `controller:` may stand beside them.
    """
    document = read_document(path)
    content, place = _arranged(document, path)
    faults = [*document.faults]
    read: UseCaseFile | None = None
    if content is None:
        faults = faults or [f"{document.name}:1: there is no use case; a use case has {', '.join(BLOCKS)}"]
    else:
        try:
            read = UseCaseFile.model_validate(content)
        except ValidationError as error:
            faults += [_at(document, place, *fault) for fault in faults_in_words(error, UseCaseFile, written=content)]
        words = faults_of_words(content["use_cases"])
        faults += [_at(document, place, ("use_cases", *where), what) for where, what in words]
    if faults or read is None:
        raise PolicyFault(
            sorted(dict.fromkeys(faults), key=_line), where=document.name, then=f"trustmart decide --use-case {path}"
        )
    return read


def _arranged(document: Document, path: Path) -> tuple[dict[str, Any] | None, int]:
    """Return the content as `controller` and `use_cases`, and how many steps of its places the file leaves out."""
    content = document.content
    if not isinstance(content, dict) or not content:
        return None, 0
    if "use_cases" in content:
        return content, 0
    controller = {"controller": content["controller"]} if "controller" in content else {}
    rest = {name: value for name, value in content.items() if name != "controller"}
    if any(name in BLOCKS and not _is_use_case(block) for name, block in rest.items()):
        return {**controller, "use_cases": {_name_of(path): rest}}, 2
    return {**controller, "use_cases": rest}, 1


def _is_use_case(block: Any) -> bool:
    """True for a use case that is called like one of its blocks."""
    return isinstance(block, dict) and bool(block.get("purpose"))


def _name_of(path: Path) -> str:
    """Make a name of the file's."""
    name = re.sub(r"[^a-z0-9_]+", "_", path.stem.lower()).strip("_")
    return name if re.match("[a-z]", name) else f"use_case_{name}"


def _at(document: Document, left_out: int, place: Place, what: str) -> str:
    """Put file, line and field before a fault."""
    if place and place[0] == "use_cases":
        place = place[left_out:]
    path = ".".join(str(step) for step in place if step not in UNION_STEPS)
    return f"{document.name}:{document.line_of(place)}: {f'{path}: ' if path else ''}{what}"


def _line(fault: str) -> int:
    """Sort faults as a reader meets them."""
    return int(fault.split(":", 2)[1])
