"""trustmart check: is the policy sound, and do the models let out only what it allows? No data is touched."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from trustmart.cli.app import AsJson, app, errors_for_people, print_json
from trustmart.errors import ConfigurationError

if TYPE_CHECKING:
    from trustmart.lineage import TypeReport
    from trustmart.policy import Policy

_COUNTED = ("attributes", "sources", "purposes", "releases", "destinations", "audiences", "jurisdictions")


@app.command()
def check(
    types: Annotated[
        bool, typer.Option("--types/--no-types", help="Also check what every column of every model carries.")
    ] = True,
    model: Annotated[
        str | None, typer.Option(help="Show the types of this model's columns and where they come from.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the flow into --model as an .svg.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check the policy (all faults at once), and the privacy type of every column before any data moves."""
    with errors_for_people():
        from trustmart.policy import load_policy
        from trustmart.settings import Settings

        settings = Settings()
        policy = load_policy(settings.policy_folder)
        report = _types(settings) if types or model else None
        if report is not None and model is not None:
            _check_model(report, model, picture)
        said: dict[str, Any] = {"policy_version": policy.version, **_counts(policy)}
        if as_json:
            print_json(said if report is None else {**said, "types": report.as_dict()})
        else:
            _say(policy, report, model, picture)
        if report is not None:
            report.raise_if_held()


def _types(settings: Any) -> "TypeReport | None":
    """Compile the project and derive the types; where there is no project, there is nothing to check."""
    if not settings.dbt_folder.is_dir():
        return None
    from trustmart.pipeline.types import check_types_aside

    return check_types_aside(settings)


def _check_model(report: "TypeReport", model: str, picture: Path | None) -> None:
    """Refuse a model that is not there; draw the flow into one that is."""
    if report.relation(model) is None:
        known = ", ".join(sorted(key.split(".")[-1] for key in report.types.relations))
        raise ConfigurationError(f"no types are known of a model {model!r}; there are: {known}")
    if picture is not None:
        from trustmart.report.flow_picture import draw_flow

        draw_flow(report, model, picture)


def _counts(policy: "Policy") -> dict[str, int]:
    """Count what the policy holds."""
    return {name: len(getattr(policy, name)) for name in _COUNTED}


def _say(policy: "Policy", report: "TypeReport | None", model: str | None, picture: Path | None) -> None:
    """Say it to people: one line of policy, then the types as a tree."""
    typer.echo(f"policy {policy.version} is sound: " + ", ".join(f"{n} {name}" for name, n in _counts(policy).items()))
    if report is None:
        return
    from trustmart.report.type_tree import types_tree

    Console().print(types_tree(report, model))
    if picture is not None:
        typer.echo(f"the flow into {model}: {picture}")
