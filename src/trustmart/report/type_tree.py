"""The privacy types for people at a terminal: marts with their columns, and what is wrong with them."""

from rich.text import Text
from rich.tree import Tree

from trustmart.lineage import TypeReport
from trustmart.lineage.forms import Form, Value
from trustmart.lineage.publications import Kind
from trustmart.lineage.type_check import type_in_words


def types_tree(report: TypeReport, model: str | None = None) -> Tree:
    """Return every mart with the types of its columns (or one model, with the paths), then every finding."""
    held = f"{len(report.findings)} findings" if report.findings else "nobody is let out"
    tree = Tree(Text(f"{len(report.types.relations)} models were read: {held}", style="bold"))
    for key, relation in sorted(report.types.relations.items()):
        name, kind = key.split(".")[-1], report.allowed[key].kind
        if name != model if model is not None else kind is Kind.STEP:
            continue
        people = f", each of at least {relation.guarded} people" if relation.guarded else ""
        branch = tree.add(Text(f"{name}  (rows: {relation.rows.name.lower()}{people})"))
        for column, value in relation.columns:
            _add_column(branch, column, value, with_paths=model is not None)
    if report.findings:
        branch = tree.add(Text("held", style="bold yellow"))
        for finding in report.findings:
            branch.add(Text(str(finding)))
    for key, notes in report.types.notes.items():
        for note in notes:
            tree.add(Text(f"note on {key.split('.')[-1]}: {note}", style="dim"))
    return tree


def _add_column(branch: Tree, column: str, value: Value, *, with_paths: bool) -> None:
    """Add one column: its type, and where each attribute in it comes from."""
    is_personal = value.form >= Form.SCORED
    leaf = branch.add(
        Text.assemble((f"{column:<26} ", "bold"), (type_in_words(value), "yellow" if is_personal else "green"))
    )
    if with_paths:
        for trace in value.traces.values():
            leaf.add(Text(trace.path(), style="dim"))
