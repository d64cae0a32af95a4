"""What an expression can see: the tables of its query, the queries around it, aliases; and what is learned there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from trustmart.lineage.forms import Form, Nature, Step, Trace, Value, combined, either, next_uid
from trustmart.lineage.relations import Columns, Hazard, Relation, Rows, Undetermined

# Evaluates an expression, or a whole query, in a scope; tied together where queries are read.
Evaluate = Callable[[Any, "Scope"], Value]
Query = Callable[[Any, "Scope"], Relation]
# The columns of a SELECT: (name, expression, or what a star has brought).
Outputs = list[tuple[str, exp.Expression | Value]]


@dataclass(kw_only=True)
class Scope:
    """One SELECT while it is read.

    tables: what dbt told of, by full name. ctes: what WITH defines. sources: what FROM names. merged: columns of
    USING. unlinked: tables of people that nothing links to the people before them, so that a count of either is no
    count of both. is_multiplied: one row may have become several. group: the class that one row stands for
    once rows are grouped. The rest is what conditions and subqueries tell.
    """

    place: str
    tables: Mapping[str, Relation]
    ctes: Mapping[str, Relation]
    evaluate: Evaluate
    query: Query
    parent: "Scope | None" = None
    sources: dict[str, Relation] = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)
    aliases: dict[str, exp.Expression] = field(default_factory=dict)
    variables: dict[str, Value] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)
    rows: Rows = Rows.REFERENCE
    is_mixed: bool = False
    unlinked: set[str] = field(default_factory=set)
    is_single: bool = True
    is_multiplied: bool = False
    unit: bool = False
    group: int | None = None
    permitted_for: str | None = None
    guards: dict[int, int] = field(default_factory=dict)
    keys: dict[int, Columns] = field(default_factory=dict)
    hazards: list[Hazard] = field(default_factory=list)
    whole: set[int] = field(default_factory=set)
    windows: dict[frozenset[int], int] = field(default_factory=dict)
    outer: list[Value] = field(default_factory=list)
    grouped_by: list[tuple[exp.Expression, Value]] = field(default_factory=list)
    _open_aliases: set[str] = field(default_factory=set)

    def inner(self, **changes: Any) -> "Scope":
        """Return the scope of a query inside this one."""
        return Scope(
            place=self.place,
            tables=self.tables,
            ctes=changes.pop("ctes", self.ctes),
            evaluate=self.evaluate,
            query=self.query,
            parent=changes.pop("parent", self),
            notes=self.notes,
            **changes,
        )

    def column(self, node: exp.Column) -> Value:
        """Return what a column's name stands for here; raises Undetermined where nothing does."""
        name, table = node.name.lower(), node.table.lower()
        found = self._seen(name, table)
        if found is None:
            where = f"{table}.{name}" if table else name
            raise Undetermined(f"{where} is no column of what it reads")
        return found

    def _seen(self, name: str, table: str) -> Value | None:
        """Look in the tables, then among the aliases, then outside; a table's or column's own name may be a record."""
        found = self._in_sources(name, table)
        if found is None and not table:
            found = self._in_aliases(name)
        if found is None and self.parent is not None:
            found = self.parent._seen(name, table)
            if found is not None:
                self.outer.append(found)
        if found is None and table:
            record = self._seen(table, "")
            found = None if record is None else record.derived()
        return found

    def _in_sources(self, name: str, table: str) -> Value | None:
        """Return a column of the tables named in FROM."""
        if name in self.variables and not table:
            return self.variables[name]
        places = [self.sources[table]] if table in self.sources else [] if table else list(self.sources.values())
        values = [value for place in places for value in place.named(name)]
        if values:
            return values[0].with_traces(either(values).traces) if len(values) > 1 else values[0]
        if any(place.is_open for place in places):
            return unknown(name, self.place)
        if not table and name in self.sources:
            return combined((value for _, value in self.sources[name].columns), "record")
        return None

    def _in_aliases(self, name: str) -> Value | None:
        """Return what another column of the same SELECT is called."""
        node = self.aliases.get(name)
        if node is None or name in self._open_aliases:
            return None
        self._open_aliases.add(name)
        try:
            return self.evaluate(node, self)
        finally:
            self._open_aliases.discard(name)

    def owner(self, node: exp.Column) -> str | None:
        """Return the alias of the table that a column is of; None where it is of a query outside."""
        name, table = node.name.lower(), node.table.lower()
        if table in self.sources:
            return table
        return next((alias for alias, source in self.sources.items() if not table and source.named(name)), None)

    def window(self, partition: Columns) -> int:
        """Return the class of a window that spans all rows with the same partition."""
        name = frozenset(value.uid for _, value in partition)
        if name not in self.windows:
            self.windows[name] = next_uid()
            self.keys[self.windows[name]] = partition
            self.whole.add(self.windows[name])
        return self.windows[name]

    def take_in(self, inner: Relation) -> None:
        """Remember what a subquery chose and proved."""
        self.hazards += inner.hazards
        self.keys.update(inner.keys)
        for name, people in inner.guards.items():
            self.guards.setdefault(name, people)


def unknown(name: str, place: str) -> Value:
    """Return the type of a column that nobody knows: the worst there is."""
    step = Step(f"{place}: {name}, which no policy knows")
    return Value(traces={name: Trace(name, Nature.UNKNOWN, Form.IDENTITY, step)})
