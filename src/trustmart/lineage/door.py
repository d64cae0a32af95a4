"""What others read of a mart that the door makes: its SQL yields records, and what is published of them is coarser."""

from trustmart.lineage.forms import Form, Step, Trace, Value, next_uid, union
from trustmart.lineage.manifest import Model
from trustmart.lineage.publications import Kind, Publication, Published
from trustmart.lineage.relations import Relation, Rows


def as_the_door_makes_it(records: Relation, model: Model, asked: Publication) -> Relation:
    """Return the published relation of a mart that the door makes; any other model is read as it is."""
    if asked.kind is not Kind.RECORDS:
        return records
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
