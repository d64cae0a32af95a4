"""How far a class's sensitive values are from the whole table's: t-closeness with three distances between values.

Slow and obvious on purpose: every engine must agree with these functions. A distance is the least work (the earth
mover's distance) that turns one distribution into the other, from 0 (the same) to 1.
Source: Li, Li, Venkatasubramanian, "t-Closeness: Privacy Beyond k-Anonymity and l-Diversity", ICDE 2007,
sections 5.1 (ordered) and 5.2 (equal, hierarchical).
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from trustmart.anonymity.diversity import ValueCounts

Path = tuple[Any, ...]


def equal_distance(class_counts: ValueCounts, table_counts: ValueCounts) -> float:
    """Return t where all values are equally far from each other: half the sum of the differences of the shares.

    Raises ValueError where one of the two is empty, or the class holds a value that the table does not.
    """
    return sum(abs(difference) for difference in _differences(class_counts, table_counts).values()) / 2


def ordered_distance(class_counts: ValueCounts, table_counts: ValueCounts, order: Sequence[Any]) -> float:
    """Return t where values are ranked: work is the number of ranks a share moves, over the number of values less one.

    order: every value, lowest first; with a single value the distance is 0. Raises ValueError as `equal_distance` does,
    and where a value has no rank.
    """
    differences = _differences(class_counts, table_counts)
    if unranked := len(set(differences) - set(order)):
        raise ValueError(f"{unranked} sensitive values have no place in the order")
    if len(order) < 2:
        return 0.0
    work = carried = 0.0
    for value in order:
        carried += differences.get(value, 0.0)
        work += abs(carried)
    return work / (len(order) - 1)


def hierarchical_distance(class_counts: ValueCounts, table_counts: ValueCounts, paths: dict[Any, Path]) -> float:
    """Return t where two values are as far apart as their lowest common ancestor is high, over the tree's height.

    paths: for every value its ancestors, its parent first and the root last; all of one length.
    Raises ValueError as `equal_distance` does, and where a value has no path.
    """
    extra: dict[Any, float] = dict(_differences(class_counts, table_counts))
    if missing := len(set(extra) - set(paths)):
        raise ValueError(f"{missing} sensitive values have no place in the hierarchy")
    height = len(next(iter(paths.values())))
    # A node is told from others of its label by the way that leads to it from the root.
    here: dict[Path, float] = {(value, *paths[value]): amount for value, amount in extra.items()}
    work = 0.0
    for level in range(1, height + 1):
        children: dict[Path, list[float]] = defaultdict(list)
        for path, amount in here.items():
            children[path[1:]].append(amount)
        for amounts in children.values():
            surplus, deficit = sum(a for a in amounts if a > 0), -sum(a for a in amounts if a < 0)
            work += level / height * min(surplus, deficit)
        here = {path: sum(amounts) for path, amounts in children.items()}
    return work


def _differences(class_counts: ValueCounts, table_counts: ValueCounts) -> dict[Any, float]:
    """Return each value's share in the class less its share in the table."""
    people, everybody = sum(class_counts.values()), sum(table_counts.values())
    if people == 0 or everybody == 0:
        raise ValueError("a distance needs people on both sides")
    if strangers := len({value for value, count in class_counts.items() if count} - set(table_counts)):
        raise ValueError(f"{strangers} sensitive values of the class do not occur in the table")
    return {value: class_counts.get(value, 0) / people - count / everybody for value, count in table_counts.items()}
