"""Which attacks a mart must withstand: read from the policy, so nobody writes a suite by hand."""

from collections.abc import Iterator
from typing import Any

from trustmart.gates.identifier_requirements import identifier_requirements, names_requirement
from trustmart.gates.identifiers import raw_tables
from trustmart.gates.learned_requirements import requirements_of_learned
from trustmart.gates.requirement import Memory, Requirement, requirement
from trustmart.policy import Policy
from trustmart.policy.releases import PublishedColumn, Release


def attack_requirements(policy: Policy, mart: str, memory: Memory) -> list[Requirement]:
    """Return every attack that applies to a mart; what is noisy or learned is attacked by what it shows alone."""
    release = policy.releases[mart]
    if release.learned:
        return [names_requirement(policy, mart), *requirements_of_learned(policy, mart, release.learned)]
    found = identifier_requirements(policy, mart)
    if release.noise:
        return [*found, _drawn(mart, release)]
    found += list(_of_microdata(policy, mart, release) if release.is_microdata else _of_cubes(policy, mart, release))
    if release.tier is not None:
        found += list(_over_time(policy, mart, release, memory))
    return found


def _drawn(mart: str, release: Release) -> Requirement:
    """What has no noise is not protected."""
    return requirement(
        "ExpectNothingButWhatWasDrawn",
        "drawn_cells",
        "Every row is one that noise was drawn for, and each cell stands there once.",
        mart=mart,
        cells=list(release.quasi_identifiers),
        columns=list(release.columns),
    )


def _of_microdata(policy: Policy, mart: str, release: Release) -> Iterator[Requirement]:
    """A row is a person."""
    columns, k = list(release.quasi_identifiers), release.minimum_class_size
    for column, published in release.quasi_identifiers.items():
        rule = policy.hierarchies.get(published.hierarchy or "")
        yield requirement(
            "ExpectLabelsNoFinerThanPolicy",
            "declared_labels",
            f"Every {column} is a label of {published.hierarchy}, of level {published.minimum_level} or coarser.",
            mart=mart,
            column=column,
            hierarchy=published.hierarchy or "",
            rule=rule.model_dump(mode="json", by_alias=True, exclude_unset=True) if rule else None,
            minimum_level=published.minimum_level,
            fallback=published.fallback,
            one_level=release.tier == "analyst_microdata",
        )
    yield requirement(
        "ExpectRegistersToNameNobody",
        "register_join",
        "Somebody who has everybody's exact values names nobody with a probability above 0.09, and few on the whole.",
        mart=mart,
        columns={
            column: {
                "rule": rule.model_dump(mode="json", by_alias=True, exclude_unset=True) if rule else {},
                "fallback": published.fallback,
            }
            for column, published in release.quasi_identifiers.items()
            for rule in [policy.hierarchies.get(published.hierarchy or "")]
        },
        minimum_class_size=k,
    )
    yield requirement(
        "ExpectNobodyToBeSingledOut",
        "singling_out",
        f"Every row, with all of its columns, is shared by at least {k} people; predicates isolate nobody.",
        mart=mart,
        quasi_identifiers=columns,
        others=[*release.sensitive, *release.publish],
        minimum_class_size=k,
    )
    for column, sensitive in release.sensitive.items():
        yield requirement(
            "ExpectNothingToBeInferred",
            "inference",
            f"No class gives {column} away: guesses are no better than without the person, l and t as policy asks.",
            mart=mart,
            columns=columns,
            sensitive=column,
            models=sensitive.model_dump(mode="json", exclude_none=True, exclude={"attribute"}),
        )


def _of_cubes(policy: Policy, mart: str, release: Release) -> Iterator[Requirement]:
    """A row is a class of people."""
    columns, k, size = list(release.quasi_identifiers), release.minimum_class_size, release.class_size
    if release.tier is not None:
        yield requirement(
            "ExpectCellsToHoldThePeopleTheySay",
            "told_sizes",
            f"Every cell stands for at least {k} people who are there, whatever it says of itself.",
            mart=mart,
            columns=columns,
            class_size=size,
            minimum_class_size=k,
        )
    yield requirement(
        "ExpectFiguresToTellOfNobody",
        "cube_inference",
        "No share says something about everybody in a cell, and no figure is one person's own value.",
        mart=mart,
        class_size=size,
        shares=[name for name, one in release.measures.items() if one.how == "share" or _is_truth(policy, one)],
        amounts={
            name: places
            for name, one in release.measures.items()
            if one.how is None and one.round_to is None and (places := _amounts(policy, one.attribute))
        },
    )
    if release.dominance_percent is not None:
        yield requirement(
            "ExpectSumsNotToBeDominated",
            "dominated_sums",
            f"No sum lets its second largest person estimate the largest within {release.dominance_percent:g} %.",
            mart=mart,
            columns=columns,
            amounts={name: one.source_column for name, one in release.measures.items() if one.how in ("sum", "mean")},
            percent=release.dominance_percent,
        )
    yield from _subtracted(policy, mart, release)
    if release.margins:
        yield requirement(
            "ExpectTotalsToRecoverNothing",
            "table_audit",
            "No suppressed cell comes back by subtracting published cells from published totals.",
            mart=mart,
            columns=columns,
            class_size=size,
            minimum_class_size=k,
            margins=[list(margin) for margin in release.margins],
            additive=_is_of_people(policy, release),
        )


def _over_time(policy: Policy, mart: str, release: Release, memory: Memory) -> Iterator[Requirement]:
    """What somebody learns who has kept earlier releases, or other marts."""
    columns, k, size = list(release.quasi_identifiers), release.minimum_class_size, release.class_size
    pairs = dict(_labelled_otherwise(policy, mart, release))
    if pairs:
        yield requirement(
            "ExpectMartsNotToBeLinked",
            "pair_classes",
            f"Labels of this mart and of others fit nobody, or at least {k} people: {', '.join(pairs)}.",
            mart=mart,
            columns=columns,
            minimum_class_size=k,
            others=pairs,
        )
    yield requirement(
        "ExpectHistoryToBeWhole",
        "whole_history",
        "Who is in which class tonight, and was in the last releases, is known and undamaged.",
        mart=mart,
        columns=columns,
        class_size=size,
        releases_known=memory.releases.get(mart),
    )
    yield requirement(
        "ExpectNoDifferenceToTellOfFew",
        "differencing",
        f"Since each of the last 30 releases a class changed by nobody, or by at least {k} people.",
        mart=mart,
        minimum_class_size=k,
        marts=list(policy.releases),
    )
    if not release.is_microdata:
        return
    yield requirement(
        "ExpectReleasesNotToIntersect",
        "intersection",
        f"Everybody shares their class with at least {k} people through all releases that they are in.",
        mart=mart,
        minimum_class_size=k,
    )
    labelled = {published.attribute for published in release.quasi_identifiers.values()}
    yield requirement(
        "ExpectLabelsToStayInAnEpoch",
        "stability",
        "Nobody gets another class within an epoch unless something about them has changed.",
        mart=mart,
        changed_in=[raw for raw, table in raw_tables(policy) if labelled & set(table.columns)],
        tree=release.tier == "laboratory",
        epoch=memory.epochs.get(mart),
    )


def _subtracted(policy: Policy, mart: str, release: Release) -> Iterator[Requirement]:
    """Subtract the mart from coarser ones, and finer ones from it: both are held, for what stands of one stays."""
    pairs = {mart: dict(_coarser_cubes(policy, mart, release))}
    for other, one in policy.releases.items():
        if other != mart and one.class_size and not (one.noise or one.learned):
            pairs[other] = {name: how for name, how in _coarser_cubes(policy, other, one) if name == mart}
    for finer, coarser in pairs.items():
        if coarser:
            yield requirement(
                "ExpectOtherMartsToRecoverNothing",
                "margins_of_each_other",
                f"What {', '.join(coarser)} has more than {finer} is nobody, or at least"
                f" {policy.releases[finer].minimum_class_size} people.",
                mart=finer,
                class_size=policy.releases[finer].class_size,
                minimum_class_size=policy.releases[finer].minimum_class_size,
                coarser=coarser,
                told={other: _told_coarser(policy, finer, other) for other in coarser},
            )


def _coarser_cubes(policy: Policy, mart: str, release: Release) -> Iterator[tuple[str, list[str]]]:
    """Yield the cubes of people whose columns this cube has too, with their class size and columns."""
    for other, one in policy.releases.items():
        is_plain = other != mart and one.class_size and not (one.noise or one.learned)
        if is_plain and _is_of_people(policy, release) and _is_of_people(policy, one):
            same = one.quasi_identifiers
            if all(_is_coarser_or_same(release.quasi_identifiers.get(name), column) for name, column in same.items()):
                yield other, [str(one.class_size), *same]


def _is_coarser_or_same(ours: PublishedColumn | None, theirs: PublishedColumn) -> bool:
    """Return whether a column of another cube has the same labels as ours, or labels at a level of them."""
    if ours is None or (ours.attribute, ours.hierarchy) != (theirs.attribute, theirs.hierarchy):
        return False
    return theirs.minimum_level != 0 or ours.minimum_level == 0


def _told_coarser(policy: Policy, finer: str, other: str) -> dict[str, list[str]]:
    """Return the columns that the other cube tells at another level: hierarchy, our level, theirs."""
    ours, theirs = (policy.releases[mart].quasi_identifiers for mart in (finer, other))
    found = {}
    for name, one in theirs.items():
        if name in ours and ours[name].minimum_level != one.minimum_level:
            here = str(ours[name].minimum_level or (name if one.hierarchy else ""))
            found[name] = [one.hierarchy or "", here, str(one.minimum_level)]
    return found


def _labelled_otherwise(policy: Policy, mart: str, release: Release) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield the other microdata that tells the same sensitive attribute: where a person's values in both meet.

    No mart has a name for a row, so rows cannot be joined; what can be is a person's possible values in the one class
    with those in the other (composition attack: Ganta, Kasiviswanathan and Smith, KDD 2008).
    """
    for other, one in policy.releases.items():
        if other == mart or one.tier is None or one.noise or one.learned:
            continue
        shared = [
            (ours, theirs)
            for ours, a in release.quasi_identifiers.items()
            for theirs, b in one.quasi_identifiers.items()
            if a.attribute == b.attribute
        ]
        if shared and _sensitive_attributes(release) & _sensitive_attributes(one):
            yield (
                other,
                {
                    "columns": list(one.quasi_identifiers),
                    "ours": list(dict.fromkeys(a for a, _ in shared)),
                    "theirs": list(dict.fromkeys(b for _, b in shared)),
                },
            )


def _sensitive_attributes(release: Release) -> set[str]:
    """Return the attributes that a mart tells row by row."""
    return {one.attribute or name for name, one in release.sensitive.items()}


def _is_of_people(policy: Policy, release: Release) -> bool:
    """Return whether all labels are of tables with a row per person, so that a person is in one cell."""
    # A table that keeps its versions (the watermark is part of the key) is read at the newest: a row per person too.
    of_people = {
        name
        for _, table in raw_tables(policy)
        if set(table.key) - {table.watermark} == {table.subject}
        for name in table.columns
    }
    return all(published.attribute in of_people for published in release.quasi_identifiers.values())


def _is_truth(policy: Policy, measure: Any) -> bool:
    """Return whether a hand-made measure is of something that is true or not."""
    return measure.how is None and any(
        table.columns[measure.attribute].type == "boolean"
        for _, table in raw_tables(policy)
        if measure.attribute in table.columns
    )


def _amounts(policy: Policy, attribute: str) -> list[list[str]]:
    """Return the raw tables that hold an attribute as a number."""
    return [
        [raw, attribute]
        for raw, table in raw_tables(policy)
        if attribute in table.columns and table.columns[attribute].type in ("integer", "decimal")
    ]
