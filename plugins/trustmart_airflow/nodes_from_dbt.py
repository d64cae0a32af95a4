"""Rewrites nodes.py from dbt's project: `python -m trustmart_airflow.nodes_from_dbt`."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from trustmart.settings import Settings

NODES = Path(__file__).with_name("nodes.py")


def manifest_of_the_project() -> dict[str, Any]:
    """Let dbt read the project, aside from any real zone, and return its manifest."""
    from trustmart.pipeline import open_context
    from trustmart.pipeline.dbt_project import artifacts_folder, run_dbt

    with TemporaryDirectory(prefix="trustmart-nodes-") as scratch:
        settings = Settings(data=Path(scratch), key=SecretStr("nothing is kept under this key"))
        context = open_context(settings=settings)
        if not run_dbt(context, ["parse"]).ok:
            raise SystemExit("dbt cannot read the project; see why: trustmart dbt parse")
        manifest: dict[str, Any] = json.loads((artifacts_folder(context) / "manifest.json").read_text())
        return manifest


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
    lines = [line for model, above in parents.items() for line in _lines(model, above)]
    return head + "\n".join(["PARENTS: dict[str, tuple[str, ...]] = {", *lines, "}", ""])


def _lines(model: str, above: tuple[str, ...]) -> list[str]:
    """Write one model as the formatter would: on one line, or a line for each parent."""
    if len(above) < 2:
        return [f'    "{model}": ({"".join(f"{parent!r},".replace(chr(39), chr(34)) for parent in above)}),']
    return [f'    "{model}": (', *(f'        "{parent}",' for parent in above), "    ),"]


def main() -> None:
    """Rewrite nodes.py."""
    parents = parents_in(manifest_of_the_project())
    NODES.write_text(written(parents))
    sys.stdout.write(f"{NODES.name}: {len(parents)} models\n")


if __name__ == "__main__":
    main()
