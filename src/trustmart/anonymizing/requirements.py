"""What a configuration asks of every class, in terms of the values that occur in a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.hierarchy_building import tree
from trustmart.anonymity.models import (
    DistinctDiversity,
    EntropyDiversity,
    Model,
    RecursiveDiversity,
    Requirements,
    TCloseness,
)
from trustmart.anonymity.search import SensitiveColumn
from trustmart.anonymity.table_measures import rank_values
from trustmart.anonymizing.config import ReleaseConfig, Sensitive
from trustmart.errors import HierarchyFault, ReleaseFault


def requirements_of(config: ReleaseConfig, sensitive: Mapping[str, SensitiveColumn]) -> Requirements:
    """Return what a configuration asks, in terms of the values that occur; raises ReleaseFault."""
    return Requirements(
        k=config.minimum_class_size,
        sensitive={name: _models(name, asked, sensitive[name].values) for name, asked in config.sensitive.items()},
        maximum_suppressed=config.maximum_suppressed,
    )


def _models(name: str, asked: Sensitive, values: Sequence[Any]) -> tuple[Model, ...]:
    """Return the models of one sensitive column."""
    found: list[Model] = []
    if asked.distinct is not None:
        found.append(DistinctDiversity(l=asked.distinct))
    if asked.entropy is not None:
        found.append(EntropyDiversity(l=asked.entropy))
    if asked.recursive_c is not None and asked.recursive_l is not None:
        found.append(RecursiveDiversity(c=asked.recursive_c, l=asked.recursive_l))
    if asked.t is not None:
        found.append(_closeness(name, asked, asked.t, values))
    return tuple(found)


def _closeness(name: str, asked: Sensitive, t: float, values: Sequence[Any]) -> TCloseness:
    """Return t-closeness with the distance that is asked for."""
    if asked.distance == "ordered":
        return TCloseness(t=t, distance="ordered", order=_order(name, asked.order, values))
    if asked.tree is not None:
        return TCloseness(t=t, distance="hierarchical", paths=_paths(tree(name, asked.tree), values))
    return TCloseness(t=t)


def _order(name: str, declared: Sequence[str] | None, values: Sequence[Any]) -> tuple[Any, ...]:
    """Return all values, lowest first: as declared, or in their own order; null, if it occurs, before all others."""
    if declared is None:
        return tuple(rank_values(values))
    by_text = {str(value): value for value in values if value is not None}
    if unranked := len(set(by_text) - set(declared)):
        raise ReleaseFault([f"sensitive.{name}.order: {unranked} values that occur have no place in it"])
    first = (None,) if None in values else ()
    return (*first, *(by_text.get(text, text) for text in declared))


def _paths(hierarchy: Hierarchy, values: Sequence[Any]) -> dict[Any, tuple[Any, ...]]:
    """Return each value's ancestors, the root last."""
    if outside := sum(1 for value in values if hierarchy.leaf_of(value) is None):
        raise HierarchyFault(f"{hierarchy.name}: {outside} sensitive values that occur are not in its tree")
    levels = range(1, hierarchy.levels)
    return {value: tuple(hierarchy.generalize(value, level) for level in levels) for value in values}
