"""An answer of the legal-basis engine, for people at a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from rich.tree import Tree

from trustmart.legal_basis.conditions import CONDITIONS

_COLORS = {
    "anonymous": "green",
    "contract": "green",
    "legal_obligation": "green",
    "legitimate_interest": "cyan",
    "consent": "yellow",
    "explicit_consent": "yellow",
    "refused": "red",
}
_BRANCH_OF_BASIS = {"legal_obligation": "contract", "explicit_consent": "consent"}
_MOST_ALTERNATIVES = 6


def decision_tree(answer: Mapping[str, Any]) -> Tree:
    """Return an answer as a tree: the verdict, the questions, what must exist, whom it reaches, what would be freer."""
    basis = answer["legal_basis"]
    tree = Tree(
        Text.assemble((answer["use_case"], "bold"), ": ", (_words(basis), f"bold {_COLORS[basis]}"), _opts(answer))
    )
    tree.add(_text(f"{answer['status']['state']}: {answer['status']['reason']}"))
    if answer["status"]["state"] != "ready":
        tree.add(_text(f"next: {answer['status']['next_step']}"))
    questions = tree.add(_text(f"decided by its {answer['decided_by']}"))
    for step in answer["trail"]:
        because = step["because"]
        field = f"  {because['field']}: {_value(because['value'])}"
        line = Text.assemble(step["question"], " ", (step["answer"], "bold"), (field, "dim"))
        questions.add(line).add(Text(f"{because['rule']} ({because['article']})", style="dim"))
    _add_conditions(tree, answer["conditions"])
    _add_reach(tree, answer["reach"], _BRANCH_OF_BASIS.get(basis, basis))
    _add_alternatives(tree, answer["alternatives"])
    return tree


def _add_conditions(tree: Tree, conditions: list[str]) -> None:
    if not conditions:
        return
    branch = tree.add(_text("it holds while"))
    for name in conditions:
        rule = CONDITIONS[name]
        branch.add(Text.assemble(rule.text, (f"  {name}, {rule.article}", "dim")))


def _add_reach(tree: Tree, reach: Mapping[str, Any] | None, chosen: str) -> None:
    if reach is None:
        tree.add(_text("reach: nothing is counted yet; after a night (trustmart night) it is"))
        return
    branch = tree.add(_text("reach, of our own customers"))
    for name, part in reach.items():
        share = f"{part['share']:6.1%}  ({part['low']:.1%} to {part['high']:.1%})"
        note = f"  {part['note']}" if "note" in part else ""
        value = f"  worth {part['value_eur']:,.0f} EUR" if "value_eur" in part else ""
        said = f"{_words(name):<20}{share}  {part['people']:,} people{value}{note}"
        branch.add(Text(said, style="bold" if name == chosen else ""))


def _add_alternatives(tree: Tree, alternatives: list[Mapping[str, Any]]) -> None:
    if not alternatives:
        return
    branch = tree.add(_text("what would ask less of us"))
    for other in alternatives[:_MOST_ALTERNATIVES]:
        gained = other["reach_gained"]
        more = "" if gained is None else f"  ({gained:+.1%} of our customers)"
        basis = other["legal_basis"]
        edits = branch.add(Text.assemble((_words(basis), _COLORS[basis]), f": {other['sentence']}{more}"))
        for edit in other["edits"]:
            edits.add(Text(f"{edit['field']}: {_value(edit['from'])} -> {_value(edit['to'])}", style="dim"))
    if len(alternatives) > _MOST_ALTERNATIVES:
        branch.add(Text(f"and {len(alternatives) - _MOST_ALTERNATIVES} more: --json lists them all", style="dim"))


def _opts(answer: Mapping[str, Any]) -> str:
    if answer["opt_in_required"]:
        return ", people must say yes first (opt-in)"
    if answer["opt_out_required"]:
        return ", people can say no (opt-out)"
    return "" if answer["legal_basis"] == "refused" else ", no opt-in is needed"


def _value(value: Any) -> str:
    """Write a value as YAML would."""
    if isinstance(value, list):
        return f"[{', '.join(_value(item) for item in value)}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _text(said: str) -> Text:
    """Return text that is no markup, whatever stands in it."""
    return Text(said)
