"""Read a file of use cases on its own, for `trustmart decide --use-case FILE`; all its faults come at once."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trustmart.errors import PolicyFault
from trustmart.policy.base import Name, PolicyModel
from trustmart.policy.use_cases import Controller, UseCase
from trustmart.policy.vocabulary import data_categories, data_uses
from trustmart.policy.wording import faults_in_words, not_one_of
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
            faults += [_at(document, place, *fault) for fault in faults_in_words(error, UseCaseFile)]
        faults += [_at(document, place, *fault) for fault in vocabulary_faults(content["use_cases"])]
    if faults or read is None:
        raise PolicyFault(
            sorted(dict.fromkeys(faults), key=_line), where=document.name, then=f"trustmart decide --use-case {path}"
        )
    return read


def vocabulary_faults(use_cases: Any) -> Iterator[tuple[Place, str]]:
    """Return each data use and data category that is not one of fideslang's."""
    for name, use_case in use_cases.items() if isinstance(use_cases, dict) else ():
        purpose, source = _block(use_case, "purpose"), _block(use_case, "source")
        data_use = purpose.get("data_use")
        if isinstance(data_use, str) and data_use not in data_uses():
            what = not_one_of(data_use, data_uses(), "a fideslang data use")
            yield ("use_cases", name, "purpose", "data_use"), what
        categories = source.get("categories")
        for index, category in enumerate(categories if isinstance(categories, list) else ()):
            if isinstance(category, str) and category not in data_categories():
                what = not_one_of(category, data_categories(), "a fideslang data category")
                yield ("use_cases", name, "source", "categories", index), what


def _block(use_case: Any, name: str) -> dict[str, Any]:
    """Return a block, or an empty one where something else stands in its place."""
    block = use_case.get(name) if isinstance(use_case, dict) else None
    return block if isinstance(block, dict) else {}


def _arranged(document: Document, path: Path) -> tuple[dict[str, Any] | None, int]:
    """Return the content as `controller` and `use_cases`, and how many steps of its places the file leaves out."""
    content = document.content
    if not isinstance(content, dict) or not content:
        return None, 0
    if "use_cases" in content:
        return content, 0
    controller = {"controller": content["controller"]} if "controller" in content else {}
    rest = {name: value for name, value in content.items() if name != "controller"}
    if any(name in BLOCKS and not _block(rest, name).get("purpose") for name in rest):
        return {**controller, "use_cases": {_name_of(path): rest}}, 2
    return {**controller, "use_cases": rest}, 1


def _name_of(path: Path) -> str:
    """Make a name of the file's."""
    name = re.sub(r"[^a-z0-9_]+", "_", path.stem.lower()).strip("_")
    return name if re.match("[a-z]", name) else f"use_case_{name}"


def _at(document: Document, left_out: int, place: Place, what: str) -> str:
    """Put file, line and field before a fault."""
    if place and place[0] == "use_cases":
        place = place[left_out:]
    path = ".".join(str(step) for step in place if step not in ("[key]", "bool", "str", "SignOff"))
    return f"{document.name}:{document.line_of(place)}: {f'{path}: ' if path else ''}{what}"


def _line(fault: str) -> int:
    """Sort faults as a reader meets them."""
    return int(fault.split(":", 2)[1])
