"""The privacy type of a column: which attributes of a person it comes from, and in what form each of them is in it.

The forms are ordered by what they can do to a person; where two ways lead into one column, the most dangerous wins.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from itertools import count
from types import MappingProxyType

from trustmart.lineage import rules


class Form(IntEnum):
    """What is left of an attribute in a column, from nothing to more than the attribute itself."""

    CONSTANT = 0
    COUNTED = 1  # how many there are
    AGGREGATED = 2  # a sum or mean over a class of people
    GENERALIZED = 3  # a coarser label
    SCORED = 4  # what a model says of one person
    DERIVED = 5  # computed from it, cut out of it, looked up by it, picked out of a class
    DISGUISED = 6  # a hash, token, encoding or mask: personal all the same
    IDENTITY = 7  # as it stands
    MEMBERSHIP = 8  # whether somebody who is named in the query is among the rows


class Nature(StrEnum):
    """What an attribute can do to a person: policy's four roles, and two that policy does not write down."""

    PERSON_KEY = "person_key"  # our own name for a person, or the issuer's
    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    INSENSITIVE = "insensitive"
    UNKNOWN = "unknown"  # no policy has heard of it, so it is treated as the worst

    @property
    def names_a_person(self) -> bool:
        """True for what singles somebody out all by itself."""
        return self in (Nature.PERSON_KEY, Nature.DIRECT_IDENTIFIER, Nature.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Step:
    """One place that an attribute has passed, what was done to it there, and where it came from."""

    place: str
    done: tuple[str, ...] = ()
    before: "Step | None" = None

    def __iter__(self) -> Iterator["Step"]:
        """Go back to the source."""
        step: Step | None = self
        while step is not None:
            yield step
            step = step.before


@dataclass(frozen=True, slots=True)
class Trace:
    """One attribute inside a column.

    to: the labels it was generalized to. classes: the classes it was aggregated over. permitted: it came through the
    door of the personal zone. done: what was done to it since its last step.
    """

    attribute: str
    nature: Nature
    form: Form
    step: Step
    to: frozenset[str] = frozenset()
    classes: frozenset[int] = frozenset()
    permitted: bool = False
    done: tuple[str, ...] = ()

    def turned(self, form: Form, word: str = "") -> "Trace":
        """Return it in another form; word: what was done to it."""
        done = self.done if not word or word in self.done else (*self.done, word)
        kept = form is Form.AGGREGATED or form is self.form
        return replace(
            self,
            form=form,
            done=done,
            to=self.to if form is Form.GENERALIZED else frozenset(),
            classes=self.classes if kept else frozenset(),
        )

    def derived(self, word: str = "") -> "Trace":
        """Return it after some computation: what was there as it stood is derived now, all else stays what it was."""
        return self.turned(Form.DERIVED if self.form is Form.IDENTITY else self.form, word)

    def generalized(self, to: str) -> "Trace":
        """Return it as a coarser label; counts, means and labels stay what they are, membership too."""
        if self.form is Form.MEMBERSHIP or self.form < Form.GENERALIZED:
            return self
        labels = self.to | {to} if self.form is Form.GENERALIZED else frozenset({to})
        return replace(self, form=Form.GENERALIZED, to=labels, classes=frozenset(), done=(*self.done, f"to {to}"))

    def labelled(self, hierarchy: str) -> "Trace":
        """Return it as a label of a hierarchy, whatever it was looked up by."""
        if self.form is Form.MEMBERSHIP or self.form < Form.GENERALIZED:
            return self
        done = (*self.done, f"to {hierarchy}")
        return replace(self, form=Form.GENERALIZED, to=frozenset({hierarchy}), classes=frozenset(), done=done)

    def at(self, place: str) -> "Trace":
        """Return it one step further on."""
        return replace(self, step=Step(place, self.done, self.step), done=())

    def path(self) -> str:
        """Return the way back to the source: model.column (what was done) <- model.column <- source.table.column."""
        return " ← ".join(f"{step.place} ({', '.join(step.done)})" if step.done else step.place for step in self.step)


def is_plain(trace: Trace) -> bool:
    """True where nothing was done to an attribute that takes some of its values away, so that it is there if it was."""
    if trace.form is Form.MEMBERSHIP or {rules.CASES, rules.ONE_VALUE} & trace.to:
        return False
    return all(word in rules.PLAIN or word.startswith("to ") for word in words_of(trace))


def words_of(trace: Trace) -> frozenset[str]:
    """Return what was done to an attribute on its whole way."""
    return frozenset(word for step in (*trace.step, trace) for word in step.done)


def worse(one: Trace, other: Trace) -> Trace:
    """Return the more dangerous of two traces of the same attribute, with all labels and classes of that form."""
    upper, lower = (one, other) if one.form >= other.form else (other, one)
    return replace(
        upper,
        to=upper.to | lower.to if upper.form is lower.form else upper.to,
        classes=upper.classes | lower.classes,
        permitted=upper.permitted and lower.permitted,
    )


Traces = Mapping[str, Trace]
TraceChange = Callable[[Trace], Trace]
NOTHING: Traces = MappingProxyType({})
_uids = count(1)


def next_uid() -> int:
    """Return a number that no value and no class has yet."""
    return next(_uids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What an expression yields, as far as privacy is concerned.

    uid: the same for columns that are passed on unchanged. people_of: the classes whose people it counts (one, or one
    per part of a union). is_key: it is a person's own name, untouched, so that counting it counts people.
    is_number_of_person: it numbers the rows of one person. ranks_by: of a place in an order, what the order tells.
    is_part: it leaves some rows out (null or zero) or lets few outweigh all others, so that a sum of it is over an
    unknown few. is_truth: yes or no. is_moved: it is one attribute moved by a constant, so that its calendar is the
    attribute's own. is_use_case: it is the door's column that says what somebody is permitted for.
    """

    traces: Traces = field(default_factory=lambda: NOTHING)
    uid: int = field(default_factory=next_uid)
    people_of: frozenset[int] = frozenset()
    is_key: bool = False
    is_number_of_person: bool = False
    ranks_by: Traces | None = None
    is_part: bool = False
    is_truth: bool = False
    is_moved: bool = False
    is_use_case: bool = False

    @property
    def form(self) -> Form:
        """Return the most dangerous form in it."""
        return max((trace.form for trace in self.traces.values()), default=Form.CONSTANT)

    def mapped(self, change: TraceChange) -> "Value":
        """Return a new value with every trace changed."""
        return Value(traces={name: change(trace) for name, trace in self.traces.items()})

    def derived(self, word: str = "") -> "Value":
        """Return it after some computation."""
        return self.mapped(lambda trace: trace.derived(word))

    def with_traces(self, more: Traces) -> "Value":
        """Return it with the traces of something else in it."""
        return replace(self, traces=union((self.traces, more)), uid=next_uid())


def union(parts: Iterable[Traces]) -> Traces:
    """Return all traces together; of the same attribute, the most dangerous."""
    found: dict[str, Trace] = {}
    for part in parts:
        for name, trace in part.items():
            known = found.get(name)
            found[name] = trace if known is None else worse(known, trace)
    return found


def same_key(values: "list[Value]") -> bool:
    """True where all are the same kind of a person's name: of two kinds, one person would be counted twice."""
    kinds = {tuple(value.traces) for value in values}
    return bool(values) and all(value.is_key for value in values) and len(kinds) == 1


def either(values: Iterable[Value]) -> Value:
    """Return what stands where one of several values stands (union, coalesce, ambiguous name)."""
    values = list(values)
    if len(values) == 1:
        return values[0]
    return Value(
        traces=union(value.traces for value in values),
        people_of=frozenset().union(*(value.people_of for value in values))
        if all(v.people_of for v in values)
        else frozenset(),
        is_key=same_key(values),
        is_part=any(value.is_part for value in values),
        is_truth=bool(values) and all(value.is_truth for value in values),
    )


def combined(values: Iterable[Value], word: str = "") -> Value:
    """Return what is computed from several values."""
    return Value(traces=union(value.derived(word).traces for value in values))


CONSTANT = Value(uid=0)
