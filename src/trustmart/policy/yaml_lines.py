"""YAML that remembers the line of every key, so that a fault can point at it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed file: its content, and the line of each place in it."""

    name: str
    content: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def line_of(self, place: Place) -> int:
        """Return the line of the place, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_document(path: Path) -> Document:
    """Parse one file; syntax errors and repeated keys come back as faults."""
    document = Document(name=path.name)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not UTF-8 text"
        line = mark.line + 1 if mark else 1
        return Document(name=path.name, faults=[f"{path.name}:{line}: cannot be read: {problem}"])
    except RecursionError:
        return Document(name=path.name, faults=[f"{path.name}:1: cannot be read: nested too deeply"])
    if node is None:
        return document
    try:
        content = _convert(node, (), document)
    except RecursionError:
        return Document(name=path.name, faults=[f"{path.name}:1: cannot be read: an anchor that holds itself"])
    return Document(name=path.name, content=content, lines=document.lines, faults=document.faults)


def _convert(node: yaml.Node, place: Place, document: Document) -> Any:
    """Turn a node into plain values, noting lines on the way."""
    document.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _convert_mapping(node, place, document)
    if isinstance(node, yaml.SequenceNode):
        return [_convert(item, (*place, i), document) for i, item in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError):
        what = f"{place[-1] if place else 'this'} is no value that policy can have"
        document.faults.append(f"{document.name}:{node.start_mark.line + 1}: cannot be read: {what}")
        return None


def _convert_mapping(node: yaml.MappingNode, place: Place, document: Document) -> dict[Any, Any]:
    """Turn a mapping into a dict; a key said twice is a fault, the first one stands."""
    values: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.faults.append(f"{document.name}:{line}: a key is a word, not a list or a mapping")
            continue
        # Keys are words: `NO:` is Norway, not the boolean that YAML 1.1 reads.
        key = key_node.value
        document.lines[(*place, key)] = line
        if key in values:
            document.faults.append(f"{document.name}:{line}: {key} is said twice")
            continue
        values[key] = _convert(value_node, (*place, key), document)
    return values
