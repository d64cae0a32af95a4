"""dbt's manifest, reduced to what privacy asks of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustmart.errors import BuildError


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model: where it stands, what it reads, and the SQL that dbt ran."""

    name: str
    zone: str
    folder: str
    group: str
    access: str
    contract: bool
    reads: tuple[str, ...]
    sql: str | None
    columns: tuple[str, ...]

    @property
    def layer(self) -> str:
        """Return the part of the tree it belongs to, such as marts/anonymized."""
        return self.folder.removeprefix("models/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All models by unique id, and the tables that each node of any kind stands for."""

    models: dict[str, Model]
    tables: dict[str, str]


def read_manifest(path: Path) -> Manifest:
    """Read manifest.json; raises BuildError where there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BuildError(f"dbt left no readable {path.name}; build first: trustmart transform") from None
    nodes = content["nodes"] | content["sources"]
    return Manifest(
        models={key: _model(node) for key, node in nodes.items() if node["resource_type"] == "model"},
        tables={key: _table_name(node) for key, node in nodes.items() if node.get("relation_name")},
    )


def _model(node: dict[str, Any]) -> Model:
    """Read one model."""
    return Model(
        name=node["name"],
        zone=node["config"].get("zone") or "",
        folder=str(Path(node["original_file_path"]).parent),
        group=node.get("group") or "",
        access=node.get("access") or "",
        contract=bool(node["config"].get("contract", {}).get("enforced")),
        reads=tuple(node["depends_on"]["nodes"]),
        sql=node.get("compiled_code"),
        columns=tuple(node["columns"]),
    )


def _table_name(node: dict[str, Any]) -> str:
    """Return a node's full table name, without quotes, in small letters."""
    return str(node["relation_name"]).replace('"', "").replace("`", "").lower()
