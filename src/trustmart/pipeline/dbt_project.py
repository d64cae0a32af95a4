"""Run dbt in this process: policy as its variables, zone keys as its secrets, nothing of a person in what it leaves."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustmart.legal_basis import Ground, Status
from trustmart.pipeline.context import Context
from trustmart.policy import Policy

OnNode = Callable[[str, str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What became of one model, seed or test."""

    name: str
    kind: str
    status: str
    seconds: float
    folder: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DbtRun:
    """What a dbt command did. Its messages are left out: they may quote a value."""

    ok: bool
    nodes: tuple[Node, ...] = ()


def policy_variables(policy: Policy, grounds: Mapping[str, Ground], statuses: Mapping[str, Status]) -> dict[str, Any]:
    """Return what the models read from policy and from the verdicts on its use cases, as the dbt variable `policy`."""
    return {
        "version": policy.version,
        "purposes": [
            {"purpose": name, "valid_for_days": purpose.valid_for_days} for name, purpose in policy.purposes.items()
        ],
        "use_cases": [
            {
                "use_case": name,
                "purpose": ground.purpose,
                "legal_basis": ground.legal_basis.value,
                "needs_consent": ground.needs_consent,
                "lets_people_decide": ground.lets_people_decide,
                "channel": ground.channel.value if ground.channel else "",
                "minimum_age": ground.minimum_age,
            }
            for name, ground in grounds.items()
        ],
        "not_ready": {name: status.reason for name, status in statuses.items() if not status.is_ready},
        "personal_marts": {name: mart.use_case for name, mart in policy.personal_marts.items()},
        "objection_scopes": [
            {"purpose": name, "scope": scope}
            for name, purpose in policy.purposes.items()
            for scope in purpose.objections
        ],
        "ages_of_digital_consent": [
            {"country": country, "age": jurisdiction.age_of_digital_consent}
            for country, jurisdiction in policy.jurisdictions.items()
        ],
        "default_age_of_digital_consent": policy.default_age_of_digital_consent,
        "releases": {
            name: {"minimum_class_size": release.minimum_class_size} for name, release in policy.releases.items()
        },
    }


def run_dbt(context: Context, command: Sequence[str], *, on_node: OnNode | None = None, quiet: bool = True) -> DbtRun:
    """Run one dbt command (such as `build`) with the warehouse to itself."""
    from dbt.cli.main import dbtRunner

    arguments = [*command, *_common_arguments(context)]
    if quiet:
        # Not even errors are printed: the engine's words may quote a value.
        arguments = ["--log-level", "none", *arguments]
    callbacks = [_tell(on_node)] if on_node else []
    with context.warehouse.exclusive(), _environment(context):
        try:
            result = dbtRunner(callbacks=callbacks).invoke(arguments)
        finally:
            _close_zones()
    artifacts = artifacts_folder(context)
    _forget_messages(artifacts / "run_results.json")
    return DbtRun(ok=result.success, nodes=tuple(_nodes(result.result)))


def artifacts_folder(context: Context) -> Path:
    """Return where dbt leaves its manifest; it lies inside the private folder of the zones."""
    return context.settings.warehouse_folder / "dbt"


def _common_arguments(context: Context) -> list[str]:
    """Return where the project is, where artifacts go, and what policy says."""
    folder = str(context.settings.dbt_folder)
    return [
        *("--project-dir", folder, "--profiles-dir", folder),
        *("--target-path", str(artifacts_folder(context))),
        *("--log-path", str(artifacts_folder(context)), "--log-level-file", "none"),
        *("--no-use-colors", "--no-version-check", "--no-send-anonymous-usage-stats"),
        *("--vars", json.dumps({"policy": policy_variables(context.policy, context.grounds, context.statuses)})),
    ]


@contextmanager
def _environment(context: Context) -> Iterator[None]:
    """Lend dbt the zones' keys for the time of one command."""
    lent = {
        "TRUSTMART_ZONES": str(context.settings.warehouse_folder),
        "TRUSTMART_MEMORY_LIMIT": context.settings.memory_limit,
        "DBT_ENV_SECRET_RESTRICTED_KEY": context.warehouse.key("restricted"),
        "DBT_ENV_SECRET_PERSONAL_KEY": context.warehouse.key("personal"),
        "DO_NOT_TRACK": "1",
    }
    before = {name: os.environ.get(name) for name in lent}
    os.environ.update(lent)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _close_zones() -> None:
    """dbt-duckdb keeps its connection for the life of the process; other stages need the files."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def _tell(on_node: OnNode) -> Callable[[Any], None]:
    """Return a listener that reports each node as it finishes."""

    def listen(event: Any) -> None:
        if event.info.name == "NodeFinished":
            node = event.data.node_info
            on_node(node.node_name, node.node_status, round(event.data.run_result.execution_time, 2))

    return listen


def _nodes(results: Any) -> Iterator[Node]:
    """Read dbt's results."""
    for result in getattr(results, "results", None) or ():
        node = getattr(result, "node", None)
        if node is None:
            continue
        yield Node(
            name=node.name,
            kind=str(node.resource_type.value),
            status=str(result.status.value),
            seconds=round(result.execution_time, 2),
            folder=str(Path(node.original_file_path).parent),
            zone=str(node.config.get("zone") or ""),
        )


def _forget_messages(path: Path) -> None:
    """Take the messages out of run_results.json: an engine's error may quote a value."""
    if not path.exists():
        return
    results = json.loads(path.read_text())
    for result in results.get("results", []):
        result["message"] = None
        result["adapter_response"] = {}
    path.write_text(json.dumps(results))
