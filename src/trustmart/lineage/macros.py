"""What a project's macros and templates do while dbt runs: they ask the warehouse, or take the place of dbt's own."""

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Environment, TemplateSyntaxError

# dbt itself and its adapters; every other package is as much the project's own as its models.
_DBT = frozenset({"dbt", "dbt_duckdb", "dbt_spark"})
# What a template asks the warehouse by, or reaches everything by: an answer would stand in the SQL as plain text.
_ASKING_WORDS = frozenset(
    {"run_query", "statement", "load_result", "store_result", "store_raw_result", "context", "submit_python_job"}
)
_ASKING_MACROS = frozenset({"macro.dbt.run_query", "macro.dbt.statement"})
# What dbt means a project to say for itself.
_OWN = frozenset({"generate_database_name", "generate_schema_name", "materialization_door"})
_ENVIRONMENT = Environment(autoescape=True)


def asks(template: str) -> bool:
    """True where a template asks the warehouse by itself, or cannot be read."""
    try:
        tokens = [(kind, text.strip("'\"")) for _, kind, text in _ENVIRONMENT.lex(template)]
    except TemplateSyntaxError:
        return True
    words = [text for kind, text in tokens if kind in ("name", "string", "operator")]
    dispatches = sum(words[at : at + 3] == ["adapter", ".", "dispatch"] for at in range(len(words)))
    return bool(_ASKING_WORDS & set(words)) or words.count("adapter") > dispatches


def asking_macros(macros: Mapping[str, Any]) -> set[str]:
    """Return the ids of the macros that ask the warehouse, themselves or through others."""
    asking = set(_ASKING_MACROS) | {key for key, macro in _of_project(macros) if asks(macro.get("macro_sql") or "")}
    while more := {
        key for key, macro in macros.items() if key not in asking and asking & set(macro["depends_on"]["macros"])
    }:
        asking |= more
    return asking


def macros_out_of_place(macros: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a project's own macros must not be, one sentence each."""
    asking = asking_macros(macros)
    taken = {name for macro in macros.values() if macro.get("package_name") in _DBT for name in _names(macro["name"])}
    for key, macro in _of_project(macros):
        if key in asking:
            yield f"macro {macro['name']}: asks the warehouse while models are compiled; write it into a model"
        if (_names(macro["name"]) & taken) - _OWN or _is_materialization(macro["name"]):
            yield f"macro {macro['name']}: takes the place of what dbt does by itself; call it something else"


def _of_project(macros: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the macros that are not dbt's own, by id."""
    yield from ((key, macro) for key, macro in macros.items() if macro.get("package_name") not in _DBT)


def _names(name: str) -> set[str]:
    """Return what a macro answers to: its name, and what dbt dispatches to it."""
    return {name, name.split("__", 1)[-1]}


def _is_materialization(name: str) -> bool:
    """True for a way of building tables other than the door's."""
    return name.startswith("materialization_") and not name.startswith("materialization_door_")
