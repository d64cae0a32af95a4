"""Which changes of a held mart are worth trying, and in which order: the cheapest first, by estimate."""

from collections.abc import Iterator
from itertools import combinations

from trustmart.anonymity.hierarchy import ROOT
from trustmart.anonymity.moves import Change, ChangeKind
from trustmart.anonymity.utility import certainty_penalty
from trustmart.gates.attacks.levels import CALENDAR
from trustmart.gates.measures_sql import candidate_columns
from trustmart.pipeline.ground import Ground, told_at
from trustmart.pipeline.trying import rows_found
from trustmart.policy import Release

MAKE_AGAIN, SUPPRESS = Change(kind=ChangeKind.MAKE_AGAIN), Change(kind=ChangeKind.SUPPRESS)


def singles(ground: Ground) -> Iterator[tuple[Change, ...]]:
    """Yield every single change, the cheapest by estimate first."""
    release = ground.release
    unlisted = [name for name in candidate_columns(ground.session, ground.mart) if name not in release.columns]
    found = [(0.0, Change(kind=ChangeKind.DROP, column=name)) for name in unlisted]
    if ground.is_door_made:
        found += [(0.0, MAKE_AGAIN), *_coarser(ground)]
    found += _fewer_totals(release)
    if rows_found(ground, release, ground.failed):
        found.append((0.01, SUPPRESS))
    found += [(_share(release, name), Change(kind=ChangeKind.DROP, column=name)) for name in _droppable(ground)]
    for _, change in sorted(found, key=lambda one: one[0]):
        yield (change,)


def pairs(ground: Ground) -> Iterator[tuple[Change, ...]]:
    """Yield pairs: one level coarser and the rest suppressed, then two columns, the cheapest by estimate first."""
    coarser = _coarser(ground) if ground.is_door_made else []
    dropped = [(_share(ground.release, name), Change(kind=ChangeKind.DROP, column=name)) for name in _droppable(ground)]
    single = sorted([*coarser, *dropped], key=lambda one: one[0])
    two = sorted(
        (a + b, (one, other)) for (a, one), (b, other) in combinations(single, 2) if one.column != other.column
    )
    yield from ((one, SUPPRESS) for _, one in single)
    yield from (changes for _, changes in two)


def _fewer_totals(release: Release) -> list[tuple[float, Change]]:
    """Return each set of totals, and where there are several all of them, as something to do without."""
    each = 1.0 / _weight(release)
    columns = [", ".join(margin) for margin in release.margins]
    found = [(each, Change(kind=ChangeKind.DROP_TOTALS, column=one)) for one in columns]
    every = (each * len(columns), Change(kind=ChangeKind.DROP_TOTALS, column="*"))
    return [*found, *([every] if len(columns) > 1 else [])]


def _coarser(ground: Ground) -> list[tuple[float, Change]]:
    """Return every coarser level of every column but the last of microdata (`*`), which is dropping it."""
    found = _coarser_labels(ground)
    for name, tree in ground.trees.items():
        here = ground.levels[name]
        for level in range(here + 1, tree.levels - 1):
            penalty = certainty_penalty(max(1, tree.domain // len(tree.labels[level])), tree.domain)
            change = Change(
                kind=ChangeKind.COARSEN,
                column=name,
                from_level=tree.level_names[here],
                to_level=tree.level_names[level],
            )
            found.append((penalty * _share(ground.release, name), change))
    return found


def _coarser_labels(ground: Ground) -> list[tuple[float, Change]]:
    """Return every coarser level of every column of a cube; how much it leaves open is known when it is tried."""
    release, found = ground.release, []
    for column, names in ground.coarser.items():
        here = told_at(release, column) or (column if release.quasi_identifiers[column].hierarchy else CALENDAR[0])
        for place, there in enumerate(names, start=1):
            change = Change(kind=ChangeKind.COARSEN, column=column, from_level=here, to_level=there)
            found.append((place / (len(names) + 1) * _share(release, column), change))
    return found


def _droppable(ground: Ground) -> list[str]:
    """Return the columns that the mart can do without."""
    release = ground.release
    figures = [*release.measures, *release.sensitive, *release.publish]
    # Without its records a cube cannot be added up anew: who is in two of its cells would count twice.
    made_of = list(release.quasi_identifiers) if ground.is_door_made else []
    told = [name for name in made_of if not ground.trees or ground.trees[name].level_names[ground.levels[name]] != ROOT]
    return [*figures, *(told if len(release.quasi_identifiers) > 1 else [])]


def _share(release: Release, column: str) -> float:
    """Return the loss of a mart without a column, by estimate."""
    one = release.quasi_identifiers.get(column)
    return (one.weight if one else 1.0) / _weight(release)


def _weight(release: Release) -> float:
    """Return what all that a mart publishes weighs together."""
    figures = [*release.measures, *release.sensitive, *release.publish, *release.margins]
    return sum(one.weight for one in release.quasi_identifiers.values()) + len(figures)
