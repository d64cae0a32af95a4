"""The types of all models, in the order in which they read each other; each model is parsed once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

import sqlglot
from sqlglot import exp

from trustmart.lineage import rules
from trustmart.lineage.door import as_the_door_makes_it, check_takes_all
from trustmart.lineage.forms import Form, Value
from trustmart.lineage.inputs import input_relations
from trustmart.lineage.manifest import Manifest, Model
from trustmart.lineage.publications import Kind, publications
from trustmart.lineage.queries import read_query
from trustmart.lineage.relations import Relation, Undetermined
from trustmart.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTypes:
    """The types of every model by unique id; for the others, why they cannot be told; and notes by model."""

    relations: Mapping[str, Relation]
    undetermined: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def derive_types(manifest: Manifest, policy: Policy, *, dialect: str = "duckdb") -> ProjectTypes:
    """Return the privacy types of all models of a manifest whose models are compiled."""
    relations = dict(input_relations(manifest, policy))
    read_as = dict(relations)
    asked = publications(manifest, policy)
    undetermined: dict[str, str] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for key in in_order(manifest):
        model = manifest.models[key]
        try:
            query = _parsed(model, dialect)
            if asked[key].kind is Kind.LEARNED:
                check_takes_all(query)
            relation, noted = read_query(query, place=model.name, tables=_tables(key, manifest, read_as, undetermined))
        except Undetermined as reason:
            undetermined[key] = str(reason)
            continue
        settled = _settled(relation, model, manifest.unique.get(key, frozenset()))
        relations[key] = _scored(settled) if model.name in policy.scores else settled
        read_as[key] = as_the_door_makes_it(relations[key], model, asked[key])
        notes[key] = tuple(sorted(noted))
    return ProjectTypes(
        relations={key: relations[key] for key in manifest.models if key in relations},
        undetermined=undetermined,
        notes={key: found for key, found in notes.items() if found},
    )


def in_order(manifest: Manifest) -> Iterator[str]:
    """Yield the models' ids, each after those that it reads."""
    graph = {
        key: [read for read in model.reads if read in manifest.models] for key, model in sorted(manifest.models.items())
    }
    yield from TopologicalSorter(graph).static_order()


def _parsed(model: Model, dialect: str) -> exp.Query:
    """Return the model's one query; raises Undetermined."""
    if "a program instead of a query" in model.asides:
        raise Undetermined("it is a program (a Python model), and what a program does to a column cannot be told")
    if model.sql is None:
        raise Undetermined("it has no compiled SQL: a macro of it is missing or failed")
    try:
        statements = [statement for statement in sqlglot.parse(model.sql, dialect=dialect) if statement is not None]
    except (sqlglot.errors.SqlglotError, RecursionError):
        raise Undetermined("its SQL cannot be parsed") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Undetermined("it is not one query")
    return statements[0]


def _tables(
    key: str, manifest: Manifest, relations: Mapping[str, Relation], undetermined: Mapping[str, str]
) -> dict[str, Relation]:
    """Return what the model may read, by full table name; raises Undetermined where one of these is undetermined."""
    tables = {}
    for read in manifest.models[key].reads:
        if read in undetermined:
            raise Undetermined(f"it reads {read.split('.')[-1]}, of which nothing can be told")
        if read not in relations:
            raise Undetermined(f"it reads {read}, which is no model, seed or source")
        tables[manifest.tables.get(read, "")] = relations[read]
    return tables


def _settled(relation: Relation, model: Model, unique: frozenset[str]) -> Relation:
    """Return a model's types as others see them: one step further on, and through the door where it is one."""
    is_door = model.name == rules.DOOR
    columns = []
    for name, value in relation.columns:
        traces = {key: trace.at(f"{model.name}.{name}") for key, trace in value.traces.items()}
        if is_door:
            traces = {key: replace(trace, permitted=True) for key, trace in traces.items()}
        is_use_case = (is_door and name == rules.DOOR_COLUMN) or (model.name == rules.LABELLED and value.is_use_case)
        settled: Value = replace(value, traces=traces, is_use_case=is_use_case)
        columns.append((name, settled))
    unit = relation.unit or any(value.is_key and name in unique for name, value in columns)
    return replace(
        relation,
        columns=tuple(columns),
        unit=unit,
        permitted_for="" if is_door else relation.permitted_for,
        is_single=relation.is_single,
    )


def _scored(relation: Relation) -> Relation:
    """What was learned and is applied to a person is a score of that person, and personal."""

    def score(value: Value) -> Value:
        if all(trace.permitted for trace in value.traces.values()):
            return value
        return value.mapped(lambda trace: trace.turned(max(trace.form, Form.SCORED)) if trace.form else trace)

    return replace(relation, columns=tuple((name, score(value)) for name, value in relation.columns))
