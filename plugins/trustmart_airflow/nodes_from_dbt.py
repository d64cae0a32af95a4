"""Rewrites nodes.py from dbt's manifest: `python -m trustmart_airflow.nodes_from_dbt`, after a dbt build."""

import json
from pathlib import Path
from typing import Any

from trustmart.settings import Settings

NODES = Path(__file__).with_name("nodes.py")
MANIFEST = Settings().dbt_folder / "target" / "manifest.json"


def parents_in(manifest: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return every enabled model with the models it reads, sorted by name."""
    nodes = manifest["nodes"].items()
    models = {key: node["name"] for key, node in nodes if node["resource_type"] == "model"}
    return {
        name: tuple(sorted(models[parent] for parent in manifest["parent_map"][key] if parent in models))
        for key, name in sorted(models.items(), key=lambda item: item[1])
    }


def written(parents: dict[str, tuple[str, ...]]) -> str:
    """Return the text of nodes.py."""
    head = NODES.read_text().partition("PARENTS")[0]
    lines = [f'    "{model}": ({_listed(above)}),\n' for model, above in parents.items()]
    return f"{head}PARENTS: dict[str, tuple[str, ...]] = {{\n{''.join(lines)}}}\n"


def _listed(names: tuple[str, ...]) -> str:
    """Write the inside of a tuple; a tuple of one keeps its comma."""
    text = ", ".join(f'"{name}"' for name in names)
    return f"{text}," if len(names) == 1 else text


def main() -> None:
    """Rewrite nodes.py."""
    NODES.write_text(written(parents_in(json.loads(MANIFEST.read_text()))))


if __name__ == "__main__":
    main()
