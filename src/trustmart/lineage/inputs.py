"""What models start from: the types of sources' columns, by policy, and of seeds."""

from collections.abc import Mapping
from dataclasses import dataclass

from trustmart.lineage import rules
from trustmart.lineage.forms import CONSTANT, Form, Nature, Step, Trace, Value
from trustmart.lineage.manifest import Manifest
from trustmart.lineage.relations import Columns, Relation, Rows
from trustmart.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What policy says of columns by their names: what each can do, which are yes or no, which name a person."""

    natures: Mapping[str, Nature]
    truths: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset({"subject_id"})

    def value(self, name: str, place: str) -> Value:
        """Return the type of a source's column; of one that nobody knows, the worst."""
        nature = Nature.PERSON_KEY if name in self.keys else self.natures.get(name, Nature.UNKNOWN)
        trace = Trace(name, nature, Form.IDENTITY, Step(f"{place}.{name}"))
        return Value(traces={name: trace}, is_key=nature is Nature.PERSON_KEY, is_truth=name in self.truths)


def vocabulary(policy: Policy) -> Vocabulary:
    """Return the natures of policy's attributes and of what the loader adds."""
    natures = {name: Nature(attribute.role.value) for name, attribute in policy.attributes.items()}
    natures |= {name: Nature(nature) for name, nature in rules.TECHNICAL.items() if name not in natures}
    tables = [table for source in policy.sources.values() for table in source.tables.values()]
    truths = {name for table in tables for name, column in table.columns.items() if column.type == "boolean"}
    return Vocabulary(
        natures=natures, truths=frozenset(truths), keys=frozenset({"subject_id", *(table.subject for table in tables)})
    )


def source_columns(policy: Policy) -> dict[str, tuple[str, ...]]:
    """Return the columns of every raw table that policy maps, by the table's name."""
    return {
        f"raw_{source_name}__{table_name}": (*table.columns, *rules.TECHNICAL)
        for source_name, source in policy.sources.items()
        for table_name, table in source.tables.items()
    }


def input_relations(manifest: Manifest, policy: Policy) -> dict[str, Relation]:
    """Return the types of every source and seed, by unique id."""
    words, mapped = vocabulary(policy), source_columns(policy)
    found = {key: seed_relation(seed.name, seed.columns, seed.is_hierarchy) for key, seed in manifest.seeds.items()}
    for key in manifest.tables:
        kind, *_, source, table = key.split(".")
        if kind == "source":
            found[key] = source_relation(source, table, mapped.get(table, tuple(words.natures)), words)
    return found


def source_relation(source: str, table: str, columns: tuple[str, ...], words: Vocabulary) -> Relation:
    """Return the types of a source's table. It may have grown columns since, which nobody knows."""
    place = f"{source}.{table.removeprefix(f'raw_{source}__')}"
    if table in rules.WITHOUT_PEOPLE:
        return Relation(columns=tuple((name, CONSTANT) for name in columns), rows=Rows.REFERENCE, is_single=True)
    typed: Columns = tuple((name, words.value(name, place)) for name in dict.fromkeys(columns))
    return Relation(columns=typed, rows=Rows.PEOPLE, is_open=True)


def seed_relation(name: str, columns: tuple[str, ...], is_hierarchy: bool) -> Relation:
    """Return the types of a seed: labels, which say nothing until they are looked up by something."""
    typed: Columns = tuple((column, Value()) for column in columns)
    return Relation(columns=typed, rows=Rows.REFERENCE, hierarchy=name if is_hierarchy else None)
