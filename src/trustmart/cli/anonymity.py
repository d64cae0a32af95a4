"""The anonymity engine as a tool: trustmart anonymize, inspect, and hierarchy draft, for any CSV or Parquet file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from trustmart.cli.app import AsJson, app, errors_for_people, print_json, screen

if TYPE_CHECKING:
    from trustmart.anonymity.table_measures import TableMeasures
    from trustmart.anonymizing.anonymize import Anonymized
    from trustmart.anonymizing.tree_release import TreeReleased


class Engine(Enum):
    """What tables are counted and written with."""

    duckdb = "duckdb"
    spark = "spark"


Input = Annotated[Path, typer.Argument(help="A .csv or .parquet file, one row per person.")]
Counted = Annotated[Engine, typer.Option(help="What does the counting and writing.")]
Picture = Annotated[Path | None, typer.Option(help="Draw class sizes and risk into this .svg or .png.")]

hierarchy = typer.Typer(no_args_is_help=True, help="Generalization hierarchies.")
app.add_typer(hierarchy, name="hierarchy")


@app.command()
def anonymize(
    file: Input,
    config: Annotated[Path, typer.Option(help="What the release shall be (docs/anonymity.md).")],
    output: Annotated[Path, typer.Option(help="Where to write the anonymous table (.parquet).")],
    picture: Picture = None,
    engine: Counted = Engine.duckdb,
    as_json: AsJson = False,
) -> None:
    """Generalize and suppress a table until nobody in it stands out, losing as little as possible."""
    with errors_for_people():
        _anonymize(file, config, output, picture, engine.value, as_json)


@app.command()
def inspect(
    file: Input,
    quasi_identifiers: Annotated[str, typer.Option(help="Columns somebody outside could know, with commas.")],
    sensitive: Annotated[str, typer.Option(help="Columns nobody shall learn about a person, with commas.")] = "",
    k: Annotated[int, typer.Option(min=1, help="The smallest class size that is asked for.")] = 11,
    records_total: Annotated[
        int | None, typer.Option(min=0, help="How many records there were before suppression.")
    ] = None,
    picture: Picture = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only k, distinct l and t: the table is read once.")] = False,
    engine: Counted = Engine.duckdb,
    as_json: AsJson = False,
) -> None:
    """Measure how far people stand out in a table as it would be published."""
    with errors_for_people():
        if quick:
            _inspect_quickly(file, _names(quasi_identifiers), _names(sensitive), picture, engine.value, as_json)
            return
        _inspect(file, _names(quasi_identifiers), _names(sensitive), k, records_total, picture, engine.value, as_json)


@hierarchy.command()
def draft(
    file: Input, column: Annotated[str, typer.Option(help="The column to draft for.")], as_json: AsJson = False
) -> None:
    """Draft a hierarchy from a column and show its levels; put it into a configuration and make it right."""
    with errors_for_people():
        _draft(file, column, as_json)


def _anonymize(
    file: Path, config: Path, output: Path, picture: Path | None, engine: Literal["duckdb", "spark"], as_json: bool
) -> None:
    """Anonymize, and say what was done."""
    from trustmart.anonymizing.anonymize import anonymize
    from trustmart.anonymizing.config import load_config
    from trustmart.anonymizing.files import engine_called, open_table
    from trustmart.anonymizing.tree_release import TreeReleased, release_by_tree
    from trustmart.errors import ReleaseFault

    release = load_config(config)
    if output.suffix.lower() != ".parquet":
        raise ReleaseFault([f"--output {output.name}: the anonymous table is written as .parquet"])
    if output.exists() and file.exists() and output.samefile(file):
        raise ReleaseFault(["--output is the input: give the anonymous table a name of its own"])
    with engine_called(engine) as session, _progress(as_json) as (on_step, on_check):
        table = open_table(session, file)
        done = (
            release_by_tree(session, table, release, output, on_step=on_step)
            if release.method == "tree"
            else anonymize(session, table, release, output, on_step=on_step, on_check=on_check)
        )
        if picture is not None:
            _draw(
                session, open_table(session, output).relation, list(release.quasi_identifiers), done.measures, picture
            )
    if as_json:
        print_json({**done.as_dict(), "output": str(output)})
        return
    if isinstance(done, TreeReleased):
        _say_tree(done)
    else:
        _say_levels(done)
    for name, count in done.fallbacks.items():
        if count:
            typer.echo(f"{name}: {count:,} values were outside its hierarchy and went to its fallback")
    _say(done.measures)
    typer.echo(f"written: {output}")


def _say_levels(done: "Anonymized") -> None:
    """Print the level of each column, and how good that is."""
    levels = Table("column", "published as", "loss")
    for name, column in done.recoding.as_dict()["columns"].items():
        levels.add_row(name, column["level_name"], f"{done.loss_by_column[name]:.3f}")
    Console().print(levels)
    proof = "no other recoding loses less" if done.fitted.optimal else f"another may lose {done.fitted.gap:.3f} less"
    typer.echo(f"loss {done.fitted.loss:.4f} ({proof}; {done.fitted.nodes:,} recodings)")


def _say_tree(done: "TreeReleased") -> None:
    """Print each column's loss, and how large the tree is."""
    columns = Table("column", "loss")
    for name, loss in done.loss_by_column.items():
        columns.add_row(name, f"{loss:.3f}")
    Console().print(columns)
    typer.echo(f"loss {done.loss:.4f} (a tree of {done.leaves:,} classes, digest {done.tree.digest[:12]})")
    typer.echo("labels of mixed levels: for contract-bound use only (docs/anonymity.md, The laboratory tree)")


def _inspect(
    file: Path,
    quasi_identifiers: list[str],
    sensitive: list[str],
    k: int,
    records_total: int | None,
    picture: Path | None,
    engine: Literal["duckdb", "spark"],
    as_json: bool,
) -> None:
    """Measure, and say what was found."""
    from trustmart.anonymizing.files import engine_called, open_table
    from trustmart.anonymizing.inspecting import inspect_table
    from trustmart.errors import ReleaseFault

    _check_asked(quasi_identifiers, sensitive)
    with engine_called(engine) as session, _progress(as_json) as (on_step, _):
        table = open_table(session, file)
        table.check_columns([*quasi_identifiers, *sensitive])
        on_step("measuring")
        try:
            measures = inspect_table(
                session, table.relation, quasi_identifiers, sensitive=sensitive, k=k, records_total=records_total
            )
        except ValueError as error:
            raise ReleaseFault([f"--records-total: {error}"]) from None
        if picture is not None:
            _draw(session, table.relation, quasi_identifiers, measures, picture)
    if as_json:
        print_json(measures.as_dict())
    else:
        _say(measures)


def _check_asked(quasi_identifiers: list[str], sensitive: list[str]) -> None:
    """Refuse to measure nothing, or a column twice."""
    from trustmart.errors import ReleaseFault

    if not quasi_identifiers:
        raise ReleaseFault(["--quasi-identifiers names at least one column"])
    if both := sorted(set(quasi_identifiers) & set(sensitive)):
        raise ReleaseFault([f"{', '.join(both)}: a column is a quasi-identifier or sensitive, not both"])


def _inspect_quickly(
    file: Path,
    quasi_identifiers: list[str],
    sensitive: list[str],
    picture: Path | None,
    engine: Literal["duckdb", "spark"],
    as_json: bool,
) -> None:
    """Measure k, l and t alone, in one statement, and say them."""
    from trustmart.anonymizing.disclosing import disclosure
    from trustmart.anonymizing.files import engine_called, open_table
    from trustmart.errors import ReleaseFault

    _check_asked(quasi_identifiers, sensitive)
    if picture is not None:
        raise ReleaseFault(["--quick counts no classes: a --picture of them needs every measure"])
    with engine_called(engine) as session:
        table = open_table(session, file)
        table.check_columns([*quasi_identifiers, *sensitive])
        found = disclosure(session, table.relation, quasi_identifiers, sensitive=sensitive)
    if as_json:
        print_json(found.as_dict())
        return
    figures = Table("measure", "value")
    for name, value in found.as_dict().items():
        if value is not None and not isinstance(value, dict):
            figures.add_row(name.replace("_", " "), f"{value:,.4g}" if isinstance(value, float) else f"{value:,}")
    Console().print(figures)


def _draft(file: Path, column: str, as_json: bool) -> None:
    """Draft, and show."""
    import yaml

    from trustmart.anonymizing.drafting import draft_hierarchy
    from trustmart.anonymizing.files import engine, open_table

    with engine() as session:
        drafted = draft_hierarchy(session, open_table(session, file), column)
    if as_json:
        print_json(drafted.as_dict())
        return
    typer.echo(yaml.safe_dump({column: drafted.rule}, sort_keys=False, allow_unicode=True))
    levels = Table("level", "name", "labels", "that occur", "fewest people", "labels of 11 people and more")
    for level in drafted.levels:
        counts = (f"{level[key]:,}" for key in ("labels", "labels_that_occur", "fewest_people"))
        levels.add_row(str(level["level"]), level["name"], *counts, ", ".join(level["examples"]))
    Console().print(levels)


def _draw(session: Any, relation: str, quasi_identifiers: list[str], measures: "TableMeasures", path: Path) -> None:
    """Draw class sizes and risk."""
    from trustmart.anonymizing.inspecting import class_size_counts
    from trustmart.report.class_picture import draw_classes

    sizes = class_size_counts(session, relation, quasi_identifiers)
    title = f"{measures.records:,} people in {measures.classes:,} classes by {', '.join(quasi_identifiers)}"
    draw_classes(measures, list(sizes.items()), path, title=title)


def _say(measures: "TableMeasures") -> None:
    """Print the measures for people."""
    figures = Table("measure", "value")
    said = measures.as_dict()
    for name in (
        "records", "classes", "smallest_class_size", "median_class_size", "mean_class_size", "records_below_k",
        "smallest_diversity", "smallest_entropy_diversity", "largest_t", "suppressed", "suppressed_share",
        "maximum_risk", "average_risk", "marketer_risk", "average_class_ratio", "discernibility",
    ):  # fmt: skip
        if (value := said[name]) is not None:
            figures.add_row(name.replace("_", " "), f"{value:,.4g}" if isinstance(value, float) else f"{value:,}")
    Console().print(figures)


def _names(text: str) -> list[str]:
    """Return names that are given with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


@contextmanager
def _progress(quiet: bool) -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """Show what is being done; yields (start a step, nodes measured and open)."""
    columns = (SpinnerColumn(), TextColumn("{task.description:<60}"), TimeElapsedColumn())
    with Progress(*columns, console=screen, disable=quiet or not screen.is_terminal, transient=True) as bars:
        task = bars.add_task("", total=None)

        def on_step(name: str) -> None:
            bars.update(task, description=name)

        def on_check(checked: int, left: int) -> None:
            still = f", {left:,} open" if left else ""
            bars.update(task, description=f"searching: {checked:,} recodings measured{still}")

        yield on_step, on_check
