"""What the types of a model must not be: each rule yields findings with the whole path, a reason and the next step."""

from collections.abc import Iterator
from dataclasses import dataclass

from trustmart.lineage import rules
from trustmart.lineage.forms import Form, Nature, Trace, Value
from trustmart.lineage.publications import Kind, Publication, Published
from trustmart.lineage.relations import Choice, Relation, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeFinding:
    """Why a model is held: names of models and columns only."""

    model: str
    column: str
    rule: str
    reason: str
    next_step: str
    path: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return plain values."""
        return {
            "model": self.model,
            "column": self.column,
            "rule": self.rule,
            "reason": self.reason,
            "next_step": self.next_step,
            "path": self.path,
        }

    def __str__(self) -> str:
        """Return one sentence, the path, and what to do."""
        where = f"{self.model}.{self.column}" if self.column else self.model
        path = f"\n    {self.path}" if self.path else ""
        return f"{where}: {self.reason}{path}\n    {self.next_step}"


# What to do about each rule.
NEXT_STEPS = {
    "direct_identifier": "leave the column out, or count people with count(distinct subject_id)",
    "finer_than_policy": "generalize it by its hierarchy before it leaves the restricted zone",
    "unlisted_sensitive": "take it out, or list it in policy/releases.yml for both owners to sign",
    "unlisted_column": "take it out, or list it in policy/releases.yml for both owners to sign",
    "another_attribute": "build it from the attribute that policy names, or change policy/releases.yml",
    "membership": "choose people by their labels; never by who they are",
    "narrowed": "choose people by the labels of a hierarchy, not by a value of their own",
    "one_persons_value": "use a sum or a mean over the class instead of one person's value",
    "uncounted_class": "let only classes pass that hold enough people: having count(distinct subject_id) >= "
    "{{ minimum_class_size(...) }}",
    "rows_are_people": "group the rows by their labels",
    "door": "read the people from {{ permitted() }} and from nowhere else",
    "learned_from": "select the columns that policy learns from, from {{ ref(...) }} of its teacher, and do no more",
    "undetermined": "write it as one plain SELECT over ref() and source(), then: trustmart check",
}


def judge(model: str, relation: Relation, allowed: Publication) -> list[TypeFinding]:
    """Return everything that is wrong with a model's types."""
    rule = _RULES.get(allowed.kind)
    found = list(rule(model, relation, allowed)) if rule is not None else []
    return list(dict.fromkeys(found))


def undetermined(model: str, why: str) -> TypeFinding:
    """Return what to say where nothing can be told of a model."""
    return _finding(model, "", "undetermined", f"its lineage cannot be told: {why}")


def _finding(model: str, column: str, rule: str, reason: str, path: str = "") -> TypeFinding:
    """Put a finding together."""
    return TypeFinding(model=model, column=column, rule=rule, reason=reason, next_step=NEXT_STEPS[rule], path=path)


# --- A mart of classes


def _of_classes(model: str, relation: Relation, allowed: Publication) -> Iterator[TypeFinding]:
    """An anonymized mart made by its own SQL: rows are classes of enough people, columns are what policy lists."""
    yield from _of_openness(model, relation)
    yield from _of_rows(model, relation, allowed)
    yield from _of_hazards(model, relation, allowed)
    shown = {value.uid for _, value in relation.columns}
    for name, value in relation.columns:
        yield from _of_column(model, name, value, relation, allowed)
    for group in relation.classes:
        for name, value in relation.keys.get(group, ()):
            if value.uid not in shown:
                yield from _of_hidden_key(model, name, value, allowed)


def _of_openness(model: str, relation: Relation) -> Iterator[TypeFinding]:
    """A star may bring columns that nobody knows."""
    if relation.is_open:
        yield _finding(model, "*", "undetermined", "its star takes columns of a source that no policy knows")


def _of_rows(model: str, relation: Relation, allowed: Publication) -> Iterator[TypeFinding]:
    """Each row stands for a class whose people were counted."""
    if relation.rows is Rows.PEOPLE:
        yield _finding(model, "", "rows_are_people", "its rows stand for people, not for classes of people")
    elif relation.rows is Rows.CLASS and relation.guarded < allowed.least:
        what = f"at least {relation.guarded}" if relation.guarded else "nobody knows how many"
        reason = (
            f"its rows stand for {what} people; policy asks for {allowed.least}, by a condition on a count of people"
        )
        yield _finding(model, "", "uncounted_class", reason)


def _of_column(model: str, name: str, value: Value, relation: Relation, allowed: Publication) -> Iterator[TypeFinding]:
    """One published column."""
    if name == allowed.people:
        if not value.people_of or (relation.rows is Rows.CLASS and not value.people_of <= relation.classes):
            reason = "is the class size by policy, but it is no count of the distinct people in its row"
            yield _finding(model, name, "uncounted_class", reason, _worst_path(value))
        for trace in value.traces.values():
            yield from _of_name(model, name, trace)
        return
    published = allowed.columns.get(name)
    if published is None:
        yield _finding(model, name, "unlisted_column", "is not listed in policy/releases.yml", _worst_path(value))
    for trace in value.traces.values():
        yield from _of_name(model, name, trace)
        if not trace.nature.names_a_person:
            yield from _of_trace(model, name, trace, published, allowed)
        yield from _of_spoken_classes(model, name, trace, relation, allowed)


def _worst_path(value: Value) -> str:
    """Return the path of the most dangerous trace."""
    worst = max(value.traces.values(), key=lambda trace: trace.form, default=None)
    return worst.path() if worst is not None else ""


def _of_name(model: str, name: str, trace: Trace) -> Iterator[TypeFinding]:
    """Of whatever names a person, nothing but a count may be shown."""
    if not trace.nature.names_a_person or (trace.form <= Form.COUNTED and trace.nature is not Nature.UNKNOWN):
        return
    if trace.form is Form.MEMBERSHIP:
        reason = f"says whether somebody with a certain {trace.attribute} is among the people"
        yield _finding(model, name, "membership", reason, trace.path())
        return
    words = {
        Nature.UNKNOWN: "of which no policy knows what it is",
        Nature.PERSON_KEY: "which is a person's name with us",
        Nature.DIRECT_IDENTIFIER: "a direct identifier",
    }
    form = "a disguise (hash, token, mask or part) of" if trace.form is Form.DISGUISED else "made from"
    reason = f"is {form} {trace.attribute}, {words[trace.nature]}"
    yield _finding(model, name, "direct_identifier", reason, trace.path())


def _of_trace(
    model: str, name: str, trace: Trace, published: Published | None, allowed: Publication
) -> Iterator[TypeFinding]:
    """Of any other attribute: it is the one policy names, and as coarse as policy asks."""
    if trace.nature is Nature.INSENSITIVE or trace.form <= Form.COUNTED:
        return
    if published is None or trace.attribute != published.attribute:
        if trace.nature is Nature.SENSITIVE and trace.attribute not in allowed.attributes:
            reason = f"is made from the sensitive {trace.attribute}, which policy does not list"
            yield _finding(model, name, "unlisted_sensitive", reason, trace.path())
        else:
            names = published.attribute if published is not None else "nothing"
            reason = f"is made from {trace.attribute}; policy lets it be made from {names}"
            yield _finding(model, name, "another_attribute", reason, trace.path())
    elif published.is_figure and trace.form is not Form.AGGREGATED:
        reason = f"shows a single person's {trace.attribute}: {_form(trace)}"
        yield _finding(model, name, "one_persons_value", reason, trace.path())
    elif not published.is_figure and trace.form is not Form.AGGREGATED:
        yield from _of_resolution(model, name, trace, published)


def _of_resolution(model: str, name: str, trace: Trace, published: Published) -> Iterator[TypeFinding]:
    """A label is one of the hierarchy that policy names; without one it is coarse, and as coarse as its name says."""
    reason = ""
    if trace.form is not Form.GENERALIZED:
        wanted = f"by {published.hierarchy}" if published.hierarchy else "at all"
        reason = f"shows {trace.attribute} {_form(trace)}; policy asks for it generalized {wanted}"
    elif published.hierarchy is not None and trace.to != {published.hierarchy}:
        reason = f"shows {trace.attribute} by {', '.join(sorted(trace.to))}; policy asks for {published.hierarchy}"
    elif published.hierarchy is None and _is_finer_than_its_name(name, trace):
        reason = f"is called {name} and shows {trace.attribute} by {', '.join(sorted(trace.to))}"
    if reason:
        yield _finding(model, name, "finer_than_policy", reason, trace.path())


def _is_finer_than_its_name(name: str, trace: Trace) -> bool:
    """True where a column that is named after a calendar's level shows a finer one."""
    if name not in rules.CALENDAR:
        return False
    return any(
        label not in rules.CALENDAR or rules.CALENDAR.index(label) < rules.CALENDAR.index(name) for label in trace.to
    )


def _form(trace: Trace) -> str:
    """Say in what form an attribute is in a column."""
    done = f" ({', '.join(trace.done or trace.step.done)})" if trace.done or trace.step.done else ""
    return {
        Form.IDENTITY: "as it stands",
        Form.DERIVED: f"at full resolution{done}",
        Form.DISGUISED: f"in disguise{done}",
    }.get(trace.form, f"as {trace.form.name.lower()}")


def _of_spoken_classes(
    model: str, name: str, trace: Trace, relation: Relation, allowed: Publication
) -> Iterator[TypeFinding]:
    """A figure is over classes that were counted; those of the rows are judged once for all columns."""
    if trace.nature is Nature.INSENSITIVE:
        return
    if any(relation.guards.get(group, 0) < allowed.least for group in trace.classes - relation.classes):
        reason = f"is a figure of {trace.attribute} over a class, or a part of one, whose people nobody has counted"
        yield _finding(model, name, "uncounted_class", reason, trace.path())


def _of_hidden_key(model: str, name: str, value: Value, allowed: Publication) -> Iterator[TypeFinding]:
    """What rows are grouped by and is not shown is as fine as what is shown may be."""
    hierarchies = {column.attribute: column.hierarchy for column in allowed.columns.values() if not column.is_figure}
    for trace in value.traces.values():
        if trace.nature is Nature.INSENSITIVE or trace.form <= Form.AGGREGATED:
            continue
        wanted = hierarchies.get(trace.attribute)
        if trace.form is Form.GENERALIZED and trace.attribute in hierarchies and wanted in (None, *trace.to):
            continue
        reason = f"its rows are grouped by {trace.attribute} ({name}), finer than what it shows"
        yield _finding(model, "", "finer_than_policy", reason, trace.path())


def _of_hazards(model: str, relation: Relation, allowed: Publication) -> Iterator[TypeFinding]:
    """Nobody is chosen by who they are, nor by an attribute that the mart does not show."""
    for hazard in relation.hazards:
        trace = hazard.trace
        if trace.form is Form.MEMBERSHIP:
            reason = f"its rows are chosen by {trace.attribute}: whoever knows it learns who is among them"
            yield _finding(model, "", "membership", reason, trace.path())
        elif trace.nature is Nature.SENSITIVE and trace.attribute not in allowed.attributes:
            reason = f"its rows are chosen by the sensitive {trace.attribute}, which policy does not list"
            yield _finding(model, "", "unlisted_sensitive", reason, trace.path())
        elif trace.nature is Nature.QUASI_IDENTIFIER and hazard.choice is Choice.BY_VALUE:
            reason = f"its rows are narrowed to a value of {trace.attribute}, finer than any label"
            yield _finding(model, "", "narrowed", reason, trace.path())


# --- Records for the door


def _of_records(model: str, relation: Relation, allowed: Publication) -> Iterator[TypeFinding]:
    """One row per person or event, which trusted code makes anonymous: every column is what policy says it is."""
    yield from _of_openness(model, relation)
    yield from _of_hazards(model, relation, allowed)
    for name, value in relation.columns:
        if name == "subject_id":
            if not value.is_key:
                reason = "must be the person's own name, untouched: the door counts people by it"
                yield _finding(model, name, "uncounted_class", reason, _worst_path(value))
            continue
        published = allowed.columns.get(name) or _of_attribute(name, allowed)
        for trace in value.traces.values():
            yield from _of_name(model, name, trace)
            if trace.nature.names_a_person or trace.nature is Nature.INSENSITIVE or trace.form <= Form.COUNTED:
                continue
            if published is None or trace.attribute != published.attribute:
                names = published.attribute if published is not None else "nothing"
                reason = f"is made from {trace.attribute}; policy lets it be made from {names}"
                sensitive = trace.nature is Nature.SENSITIVE and trace.attribute not in allowed.attributes
                yield _finding(
                    model, name, "unlisted_sensitive" if sensitive else "another_attribute", reason, trace.path()
                )
    if relation.is_mixed:
        yield _finding(
            model, "", "uncounted_class", "its rows pair people whom nothing links: subject_id is not the unit"
        )
    if "subject_id" not in {name for name, _ in relation.columns}:
        yield _finding(model, "subject_id", "uncounted_class", "is missing: the door counts people by it")


def _of_attribute(name: str, allowed: Publication) -> Published | None:
    """A record may bring an attribute under its own name, for the door to generalize."""
    return next((column for column in allowed.columns.values() if column.attribute == name), None)


# --- What is learned


def _of_learned(model: str, relation: Relation, allowed: Publication) -> Iterator[TypeFinding]:
    """All rows of the teacher as published, and of its columns those that policy names: no choice, no change."""
    yield from _of_openness(model, relation)
    yield from _of_hazards(model, relation, allowed)
    shown = [name for name, _ in relation.columns]
    for name in allowed.columns:
        if shown.count(name) != 1:
            yield _finding(model, name, "learned_from", "is learned from by policy, and must stand in it once")
    for name, value in relation.columns:
        published = allowed.columns.get(name)
        if published is None:
            yield _finding(model, name, "unlisted_column", "is not learned from by policy", _worst_path(value))
        elif not _is_as_taught(name, value, published, allowed):
            reason = f"is not {allowed.teacher}.{name} as it is published"
            yield _finding(model, name, "learned_from", reason, _worst_path(value))


def _is_as_taught(name: str, value: Value, published: Published, allowed: Publication) -> bool:
    """True for a column of the teacher's published rows to which nothing was done."""
    if len(value.traces) != 1:
        return False
    (trace,) = value.traces.values()
    came = trace.step.before
    is_theirs = came is not None and came.place == f"{allowed.teacher}.{name}"
    untouched = trace.form is Form.GENERALIZED and not trace.step.done
    return is_theirs and untouched and trace.attribute == published.attribute


# --- Labels of people, for scores


def _of_labels(model: str, relation: Relation, allowed: Publication) -> Iterator[TypeFinding]:
    """Everybody came through the door, and stands under a name of their own and the use case that they came for."""
    yield from _of_openness(model, relation)
    named = dict(relation.columns)
    if "subject_id" not in named or not named["subject_id"].is_key:
        yield _finding(model, "subject_id", "door", "must be the person's own name, untouched")
    if "use_case" not in named or not named["use_case"].is_use_case:
        yield _finding(model, "use_case", "door", f"must be what {rules.DOOR} says somebody is permitted for")
    for name, value in relation.columns:
        for trace in value.traces.values():
            if trace.nature is not Nature.INSENSITIVE and not trace.permitted:
                reason = f"shows {trace.attribute}, which did not come through {rules.DOOR}"
                yield _finding(model, name, "door", reason, trace.path())
            elif trace.nature.names_a_person and name != "subject_id":
                yield from _of_name(model, name, trace)


# --- A personal mart


def _of_personal(model: str, relation: Relation, allowed: Publication) -> Iterator[TypeFinding]:
    """Everybody in a personal mart came through the door, permitted for the mart's own use case."""
    yield from _of_openness(model, relation)
    if relation.permitted_for != allowed.use_case or not allowed.use_case:
        has = f"those permitted for {relation.permitted_for}" if relation.permitted_for else "whoever is there"
        reason = f"holds {has}; its use case is {allowed.use_case or '(none in policy)'}"
        yield _finding(model, "", "door", reason)
    for name, value in relation.columns:
        for trace in value.traces.values():
            is_personal = trace.nature is not Nature.INSENSITIVE and trace.form >= Form.DERIVED
            if is_personal and not trace.permitted:
                reason = f"shows {trace.attribute}, which did not come through {rules.DOOR}"
                yield _finding(model, name, "door", reason, trace.path())


_RULES = {
    Kind.CLASSES: _of_classes,
    Kind.RECORDS: _of_records,
    Kind.LEARNED: _of_learned,
    Kind.LABELS: _of_labels,
    Kind.PERSONAL: _of_personal,
    Kind.SCORES: _of_personal,
}
