"""What was released, night by night: listed, compared, proved, and put back."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trustmart.cli.app import AsJson, AsOf, app, errors_for_people, open_tools, print_json

_NOTHING = "nothing was released yet; the first night releases: trustmart night"


@app.command()
def releases(
    release_id: Annotated[
        str | None, typer.Argument(help="One release (its id, or how it begins): how every check came out.")
    ] = None,
    diff: Annotated[
        tuple[str, str] | None, typer.Option(help="Compare two releases: their ids, or how these begin.")
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="Prove every manifest, and all that is kept; exit 3 on a fault.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List every release: what was let go, what was held, what readers see instead, and whether all is whole."""
    with errors_for_people():
        from trustmart.pipeline.releases import differences, one_release
        from trustmart.pipeline.releases import releases as every
        from trustmart.pipeline.verification import verify as proved

        context = open_tools(None)
        if diff is not None:
            found = differences(context, *diff)
            print_json(found) if as_json else Console().print(*_differences(found), sep="\n")
            return
        if release_id is not None:
            shown = one_release(context, release_id)
            print_json(shown) if as_json else Console().print(*_verdicts(shown), sep="\n")
            return
        proof = proved(context, kept=verify)
        listed = [] if verify or proof["faults"] else every(context)
        if as_json:
            print_json({"releases": listed, **proof})
        elif not verify and not proof["faults"]:
            Console().print(*_list(listed) if listed else [_NOTHING], sep="\n")
        _say(proof, as_json=as_json)


@app.command()
def rollback(
    release_id: Annotated[str, typer.Argument(help="The release to go back to: its id, or how it begins.")],
    mart: Annotated[str | None, typer.Option(help="Put back this mart alone; the others stay as they are.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for ledger and manifest; name nobody in it.")] = "",
    dry_run: Annotated[bool, typer.Option(help="Say what would change, and change nothing.")] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Let readers have an earlier release again; exit 2 where policy would not let it go now."""
    with errors_for_people():
        from trustmart.pipeline.rollback import rollback as put_back

        if not (reason.strip() or dry_run):
            raise typer.BadParameter("say why, with --reason: the ledger keeps it")
        context = open_tools(as_of)
        report = put_back(context, release_id, reason=reason.strip(), mart=mart, dry_run=dry_run)
        if as_json:
            print_json(report)
            return
        verb = "would be put back" if dry_run else "are put back"
        typer.echo(f"{', '.join(report['put_back'])} {verb}, as {report['back_to']} published them.")
        for name, words in (("kept", "stay as they are"), ("taken_away", "leave: they were not published then")):
            if report[name]:
                typer.echo(f"{', '.join(report[name])} {words}.")
        if not dry_run:
            typer.echo(f"This is release {report['release_id']}. To see it: trustmart releases")


def _say(proof: dict[str, Any], *, as_json: bool) -> None:
    """Say whether all is whole; exit 3 where it is not."""
    if not as_json:
        looked = f"{proof['manifests']} manifests, what readers have, and {proof['contents']} kept releases"
        for fault in proof["faults"]:
            typer.echo(f"broken: {fault}")
        typer.echo(f"looked at: {looked}; {len(proof['faults'])} faults")
    if proof["faults"]:
        raise typer.Exit(3)


def _list(found: list[dict[str, Any]]) -> list[Any]:
    """Return a line per release, the newest last; below, why some were put back, and what stands for held marts."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("release", "kind"):
        table.add_column(column, no_wrap=True)
    for column in ("released", "held", "policy", "people"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in found:
        counts = (str(len(one["released"])), str(len(one["held"]))) if one["kind"] == "release" else ("", "")
        people = f"{sum(one['people'].values()):,}"
        table.add_row(one["release_id"], one["kind"], *counts, one["policy_version"][:8], people)
    backs = [f"{one['release_id']} is {one['back_to']} again: {one['reason']}" for one in found if one["back_to"]]
    held = [f"{mart} is held; {_instead(age)}" for mart, age in found[-1]["held"].items()]
    return [table, "people: counted in every mart, and in every class, that shows them", *map(Text, [*backs, *held])]


def _instead(age: dict[str, Any] | None) -> str:
    """Say what readers have of a held mart."""
    if age is None:
        return "it was never released"
    nights = age["nights_old"]
    return f"readers see {age['standing_since'][:10]} ({nights} {'night' if nights == 1 else 'nights'} old)"


def _verdicts(told: dict[str, Any]) -> list[Any]:
    """Return how one release was judged: a line per zone's table, audience and mart, and what was found below."""
    from trustmart.pipeline.verdicts import checks_by_place

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("judged", no_wrap=True)
    for column in ("asked", "met", "not met", "not said"):
        table.add_column(column, justify="right")
    for place, checks in checks_by_place(told):
        answers = [one["met"] for one in checks]
        table.add_row(place, str(len(answers)), *(str(answers.count(answer)) for answer in (True, False, None)))
    against = [
        f"{place}: {one['expectation']}{' of ' + one['about'] if one['about'] else ''} found {one['found']}"
        for place, checks in checks_by_place(told)
        for one in checks
        if one["met"] is False
    ]
    nothing = ["nothing was judged: what was put back was judged when it was released"]
    return [f"{told['release_id']}, {told['kind']} {told['number']}", table, *map(Text, against)] + (
        nothing if told["kind"] == "rollback" else []
    )


def _differences(found: dict[str, Any]) -> list[Any]:
    """Return the versions of both releases, and a line per mart."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("mart", no_wrap=True)
    for column in ("rows", "people", "epoch", "classes"):
        table.add_column(column, justify="right")
    for mart, told in found["marts"].items():
        classes = "+{added} -{removed} ~{changed}".format(**told["classes"]) if told["classes"] else "?"
        table.add_row(mart, *(_both(told[name]) for name in ("rows", "people", "epoch")), classes)
    versions = [f"{name.replace('_', ' ')}: {_both(found[name])}" for name in ("policy_version", "code_version")]
    return [
        f"from {found['from']} to {found['to']}",
        *versions,
        table,
        "classes: + came, - went, ~ show other figures; ? not kept",
        *map(Text, _other_verdicts(found["verdicts"])),
    ]


def _other_verdicts(found: dict[str, Any]) -> list[str]:
    """Return a line per zone, audience and check that came out otherwise."""
    said = {True: "met", False: "not met"}
    whole = [(name, one) for kind in ("checkpoints", "audiences") for name, one in found[kind].items()]
    return [f"{name}: {one['from']} → {one['to']}" for name, one in whole] + [
        f"{one['of']}, {one['expectation']} {one['about']}".rstrip() + f": {said[one['from']]} → {said[one['to']]}"
        for one in found["checks"]
    ]


def _both(change: dict[str, Any]) -> str:
    """Return a figure before and after, or once where it is the same."""
    old, new = ("-" if change[name] is None else str(change[name]) for name in ("from", "to"))
    return old if old == new else f"{old} → {new}"
