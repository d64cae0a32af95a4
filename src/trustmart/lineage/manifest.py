"""dbt's manifest, reduced to what privacy asks of it."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trustmart.errors import BuildError
from trustmart.lineage.macros import asking_macros, asks, macros_out_of_place


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
    materialized: str = "table"
    # Whatever it does beside its own query, which the query does not show.
    asides: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        """Return the part of the tree it belongs to, such as marts/anonymized."""
        return self.folder.removeprefix("models/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A table of labels that stands beside the models; a hierarchy says which label stands for which values."""

    name: str
    columns: tuple[str, ...]
    is_hierarchy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All models by unique id, and the tables that each node of any kind stands for.

    unique: the columns of each model that dbt tests to be unique, every night.
    """

    models: dict[str, Model]
    tables: dict[str, str]
    seeds: dict[str, Seed] = field(default_factory=dict)
    unique: dict[str, frozenset[str]] = field(default_factory=dict)
    # What else writes tables or runs statements: snapshots and operations (on-run-start, on-run-end).
    others: tuple[str, ...] = ()
    # What is wrong with the project's own macros, one sentence each.
    macros: tuple[str, ...] = ()


def read_manifest(path: Path) -> Manifest:
    """Read manifest.json; raises BuildError where there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        nodes = content["nodes"] | content["sources"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BuildError(f"dbt left no readable {path.name}; build first: trustmart transform") from None
    macros = content.get("macros", {})
    asking = asking_macros(macros)
    return Manifest(
        models={key: _model(node, asking) for key, node in nodes.items() if node["resource_type"] == "model"},
        tables={key: _table_name(node) for key, node in nodes.items() if node.get("relation_name")},
        seeds={key: _seed(node) for key, node in nodes.items() if node["resource_type"] == "seed"},
        unique=_unique(nodes),
        others=tuple(
            f"{node['resource_type']} {node['name']}"
            for node in nodes.values()
            if node["resource_type"] in ("snapshot", "operation")
        ),
        macros=tuple(macros_out_of_place(macros)),
    )


def _asides(node: dict[str, Any], asking: set[str]) -> tuple[str, ...]:
    """Name what a model does beside its query."""
    config = node["config"]
    found = [name for name in ("pre-hook", "post-hook", "sql_header") if config.get(name)]
    if node.get("language", "sql") != "sql":
        found.append("a program instead of a query")
    if asking & set(node["depends_on"].get("macros", ())) or asks(node.get("raw_code") or ""):
        found.append("a query while it is compiled")
    return tuple(found)


def _model(node: dict[str, Any], asking: set[str]) -> Model:
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
        materialized=str(node["config"].get("materialized")),
        asides=_asides(node, asking),
    )


def _seed(node: dict[str, Any]) -> Seed:
    """Read one seed: the first line of its file names its columns."""
    path = Path(node.get("root_path") or "") / node["original_file_path"]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            columns = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError):
        columns = list(node["columns"])
    folders = Path(node["original_file_path"]).parts
    return Seed(
        name=node["name"],
        columns=tuple(name.strip().lower() for name in columns),
        is_hierarchy="hierarchies" in folders,
    )


def _unique(nodes: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Return what dbt proves to be unique each night: its own tests that stop the build at one row, over all rows."""
    found: dict[str, set[str]] = {}
    for node in nodes.values():
        is_dbts = "macro.dbt.test_unique" in node["depends_on"].get("macros", ()) if "test_metadata" in node else False
        if is_dbts and node.get("attached_node") and _stops_at_one_row(node["config"]):
            found.setdefault(node["attached_node"], set()).add(str(node.get("column_name")).lower())
    return {key: frozenset(columns) for key, columns in found.items()}


def _stops_at_one_row(config: dict[str, Any]) -> bool:
    """True for a test that nothing softens."""
    is_error = str(config.get("severity", "")).lower() == "error" and config.get("error_if", "!= 0") == "!= 0"
    counts_all = config.get("fail_calc", "count(*)") == "count(*)" and config.get("limit") is None
    return is_error and counts_all and not config.get("where")


def _table_name(node: dict[str, Any]) -> str:
    """Return a node's full table name, without quotes, in small letters."""
    return str(node["relation_name"]).replace('"', "").replace("`", "").lower()
