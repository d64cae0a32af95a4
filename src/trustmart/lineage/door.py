"""What others read of a mart that the door makes: its SQL yields records, and what is published of them is coarser."""

from dataclasses import replace

from sqlglot import exp

from trustmart.lineage.forms import Form, Step, Trace, Value, next_uid, union
from trustmart.lineage.manifest import Model
from trustmart.lineage.publications import Kind, Publication, Published
from trustmart.lineage.relations import Relation, Rows, Undetermined


def as_the_door_makes_it(records: Relation, model: Model, asked: Publication) -> Relation:
    """Return the relation that the door makes of a model's records; any other model is read as it is."""
    makes = {Kind.RECORDS: _as_published, Kind.LEARNED: _as_learned, Kind.LABELS: _as_labelled}.get(asked.kind)
    return records if makes is None else makes(records, model, asked)


def check_takes_all(query: exp.Query) -> None:
    """Raise Undetermined unless a query takes columns of one table, every row of it once, and does nothing else.

    What is learned is learned from all rows of its teacher as they are published: the gate learns from those again.
    """
    said = {name for name, part in query.args.items() if part}
    start = query.args.get("from_")
    is_plain = (
        isinstance(query, exp.Select)
        and said == {"expressions", "from_"}
        and all(isinstance(one, exp.Column) for one in query.expressions)
        and isinstance(start.this, exp.Table)
        and not {name for name, part in start.this.args.items() if part} - {"this", "db", "catalog", "alias"}
    )
    if not is_plain:
        raise Undetermined("what is learned from is columns of one mart, all of its rows: no condition, no other table")


def _as_published(records: Relation, model: Model, asked: Publication) -> Relation:
    """Return the published relation of a mart: labels, and figures of classes."""
    known = union(value.traces for _, value in records.columns)
    of = next_uid()
    columns = [
        (name, Value(traces={trace.attribute: _published(trace, f"{model.name}.{name}", column, of)}))
        for name, column in asked.columns.items()
        if (trace := known.get(column.attribute or "")) is not None
    ]
    if asked.people is not None:
        columns.append((asked.people, Value(people_of=frozenset({of}))))
    return Relation(columns=tuple(columns), rows=Rows.CLASS, classes=frozenset({of}), guards={of: asked.least})


def _as_learned(records: Relation, model: Model, asked: Publication) -> Relation:
    """Return a learned relation: its labels are the teacher's, its figures are about all of its classes together.

    Which feature or cluster a row is about is said in words and numbers of the door's own.
    """
    of = next_uid()
    known = union(value.traces for name, value in records.columns if name in asked.columns)
    labels = {name: trace.at(f"{model.name}.label") for name, trace in known.items()}
    figure = Published(attribute=None, is_figure=True)
    figures = {name: _published(trace, f"{model.name}.{asked.figure}", figure, of) for name, trace in known.items()}
    columns = [("cluster", Value(traces=figures)), ("feature", Value()), ("label", Value(traces=labels))]
    columns += [(asked.figure, Value(traces=figures)), (asked.people or "", Value(people_of=frozenset({of})))]
    return Relation(columns=tuple(columns), rows=Rows.CLASS, classes=frozenset({of}), guards={of: asked.least})


def _as_labelled(records: Relation, model: Model, asked: Publication) -> Relation:
    """Return people's labels: a row per person and feature; the label is made from whatever their record has.

    Whom they are permitted for is for the reader to say: alone, it is for nothing.
    """
    known = union(value.traces for name, value in records.columns if name not in ("subject_id", "use_case"))
    label = {name: trace.generalized("the door's labels").at(f"{model.name}.label") for name, trace in known.items()}
    plain = [(name, Value()) for name in ("use_case", "mart", "feature")]
    columns = (*_of_person(records), *plain, ("label", Value(traces=label)))
    return replace(records, columns=columns, unit=False, whole=frozenset(), permitted_for=None)


def _of_person(records: Relation) -> tuple[tuple[str, Value], ...]:
    """Return the column that names the person, where there is one."""
    return tuple((name, value) for name, value in records.columns if name == "subject_id")


def _published(trace: Trace, place: str, column: Published, of: int) -> Trace:
    """Return an attribute as the door lets it out: a figure of a class, or a label."""
    done = "reckoned by the door" if column.is_figure else "generalized by the door"
    return Trace(
        attribute=trace.attribute,
        nature=trace.nature,
        form=Form.AGGREGATED if column.is_figure else Form.GENERALIZED,
        step=Step(place, (done,), trace.step),
        to=frozenset() if column.is_figure else frozenset({column.hierarchy or "the door's labels"}),
        classes=frozenset({of}) if column.is_figure else frozenset(),
    )
