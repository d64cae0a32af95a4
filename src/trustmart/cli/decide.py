"""trustmart decide: by what right may this be done, why, whom does it reach, and what would ask less of us."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from trustmart.cli.app import AsJson, app, errors_for_people, open_tools, print_json
from trustmart.errors import TrustmartError

if TYPE_CHECKING:
    from trustmart.legal_basis import World
    from trustmart.policy import Policy, UseCase
    from trustmart.policy.use_case_file import UseCaseFile


@app.command()
def decide(
    use_case: Annotated[
        str | None, typer.Option(help="A file of use cases, or a name in the policy; all of the policy unless given.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(help="Write the flow chart with its path: .svg or .mmd")] = None,
    as_json: AsJson = False,
) -> None:
    """Decide by what right data may be used, and say why."""
    with errors_for_people():
        from trustmart.policy import load_policy
        from trustmart.settings import Settings

        policy = load_policy(Settings().policy_folder)
        chosen, world = _chosen(use_case, policy)
        answers = _answers(chosen, world, policy)
        if chart is not None:
            _write_chart(chart, chosen, world)
        if as_json:
            print_json(answers[0] if use_case is not None and len(answers) == 1 else answers)
        else:
            _print_trees(answers)


def _chosen(said: str | None, policy: "Policy") -> "tuple[dict[str, UseCase], World]":
    """Return the use cases that are meant, and the world they are decided in."""
    from dataclasses import replace

    from trustmart.legal_basis import world_of

    world = world_of(policy)
    if said is None:
        return dict(policy.use_cases), world
    if said in policy.use_cases:
        return {said: policy.use_cases[said]}, world
    read = _read(said, policy)
    return dict(read.use_cases), replace(world, controller=read.controller or world.controller)


def _read(said: str, policy: "Policy") -> "UseCaseFile":
    """Read a file, or say what else there is."""
    from trustmart.policy.use_case_file import read_use_cases
    from trustmart.policy.wording import not_one_of

    path = Path(said)
    if not path.is_file():
        raise typer.BadParameter(not_one_of(said, policy.use_cases, "a file, nor a use case of the policy"))
    return read_use_cases(path)


def _answers(chosen: "dict[str, UseCase]", world: "World", policy: "Policy") -> list[dict[str, Any]]:
    """Decide each, count its reach in one pass for all, and look for what would ask less."""
    from trustmart.legal_basis import alternatives, purpose_counted, reach, status_of
    from trustmart.legal_basis import decide as decide_one
    from trustmart.legal_basis.answer import answer

    # The customers in our warehouse are those of our own controller.
    population = _population() if world.controller == policy.controller else None
    purposes = {name: purpose_counted(made, policy.purposes) for name, made in chosen.items()}
    reached = reach(population.tally, purposes) if population is not None else {}
    return [
        answer(
            made,
            status_of(made, decide_one(name, made, world), policy.purposes),
            alternatives=alternatives(name, made, world),
            reach=reached.get(name),
            value_per_contact=population.value_per_contact if population is not None else None,
        )
        for name, made in chosen.items()
    ]


def _population() -> Any:
    """Return our customers as counts; None where nothing was built yet, or somebody else is building."""
    from trustmart.pipeline.reach import measure_population

    try:
        return measure_population(open_tools(None))
    except TrustmartError:
        # A decision needs no warehouse; its reach is said to be unknown.
        return None


def _write_chart(path: Path, chosen: "dict[str, UseCase]", world: "World") -> None:
    """Write the flow chart; with the path of the use case where there is one only."""
    from trustmart.legal_basis import decide as decide_one
    from trustmart.legal_basis.chart import mermaid, svg

    draw = {".svg": svg, ".mmd": mermaid}.get(path.suffix)
    if draw is None:
        raise typer.BadParameter("--chart is a file that ends with .svg or .mmd")
    verdicts = [decide_one(name, made, world) for name, made in chosen.items()]
    path.write_text(draw(verdicts[0] if len(verdicts) == 1 else None), encoding="utf-8")


def _print_trees(answers: list[dict[str, Any]]) -> None:
    """Print each answer as a tree."""
    from trustmart.report.decision_tree import decision_tree

    console = Console()
    for said in answers:
        console.print(decision_tree(said))
