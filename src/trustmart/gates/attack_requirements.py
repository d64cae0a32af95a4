"""Which attacks a mart must withstand: read from the policy, so nobody writes a suite by hand."""

from collections.abc import Iterator
from typing import Any

from trustmart.gates.learned_requirements import requirements_of_learned
from trustmart.gates.requirement import Memory, Requirement
from trustmart.policy import Policy, Role
from trustmart.policy.releases import Release


def attack_requirements(policy: Policy, mart: str, memory: Memory) -> list[Requirement]:
    """Return every attack that applies to a mart; what is noisy or learned is attacked by what it shows alone."""
    release = policy.releases[mart]
    if release.learned:
        return [_names(policy, mart), *requirements_of_learned(policy, mart, release.learned)]
    found = [_rehashed(policy, mart), _names(policy, mart)]
    if release.noise:
        return [*found, _drawn(mart, release)]
    found += list(_of_microdata(policy, mart, release) if release.is_microdata else _of_cubes(policy, mart, release))
    if release.tier is not None:
        found += list(_over_time(policy, mart, release, memory))
    return found


def _requirement(expectation: str, check: str, description: str, **arguments: Any) -> Requirement:
    """Return a requirement."""
    return Requirement(expectation=expectation, check=check, arguments=arguments, description=description)


def _drawn(mart: str, release: Release) -> Requirement:
    """What has no noise is not protected."""
    return _requirement(
        "ExpectNothingButWhatWasDrawn",
        "drawn_cells",
        "Every row is one that noise was drawn for, and each cell stands there once.",
        mart=mart,
        cells=list(release.quasi_identifiers),
        columns=list(release.columns),
    )


def _rehashed(policy: Policy, mart: str) -> Requirement:
    """A hash of a known value is that value."""
    known = []
    for raw, table in _raw_tables(policy):
        for column in table.columns:
            attribute = policy.attributes[column]
            is_name = attribute.category.startswith(("user.name", "user.contact.address"))
            if attribute.role is Role.DIRECT_IDENTIFIER and not attribute.free_text and not is_name:
                known.append([raw, column])
            if attribute.contact_point == "email":
                known.append([raw, "email_normalized"])
    return _requirement(
        "ExpectNoRehashedIdentifiers",
        "rehashed",
        "No value is a known identifier that was hashed, salted with a salt of policy, encoded or reversed.",
        mart=mart,
        known_in=known,
        hierarchies=_hierarchies(policy, mart),
        salts=list(policy.known_salts),
    )


def _names(policy: Policy, mart: str) -> Requirement:
    """Texts name nobody."""
    known = []
    for raw, table in _raw_tables(policy):
        parts = {policy.attributes[column].category: column for column in table.columns}
        if "user.name.first" in parts and "user.name.last" in parts:
            known.append([raw, parts["user.name.first"], parts["user.name.last"]])
    return _requirement(
        "ExpectTextsToNameNobody",
        "names_in_text",
        "No text holds the full name of anybody in the CRM, and no column is a list of names.",
        mart=mart,
        known_in=known,
        hierarchies=_hierarchies(policy, mart),
    )


def _of_microdata(policy: Policy, mart: str, release: Release) -> Iterator[Requirement]:
    """A row is a person."""
    columns, k = list(release.quasi_identifiers), release.minimum_class_size
    for column, published in release.quasi_identifiers.items():
        rule = policy.hierarchies.get(published.hierarchy or "")
        yield _requirement(
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
    yield _requirement(
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
    yield _requirement(
        "ExpectNobodyToBeSingledOut",
        "singling_out",
        f"Every row, with all of its columns, is shared by at least {k} people; predicates isolate nobody.",
        mart=mart,
        quasi_identifiers=columns,
        others=[*release.sensitive, *release.publish],
        minimum_class_size=k,
    )
    for column, sensitive in release.sensitive.items():
        yield _requirement(
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
        yield _requirement(
            "ExpectCellsToHoldThePeopleTheySay",
            "told_sizes",
            f"Every cell stands for at least {k} people who are there, whatever it says of itself.",
            mart=mart,
            columns=columns,
            class_size=size,
            minimum_class_size=k,
        )
    yield _requirement(
        "ExpectFiguresToTellOfNobody",
        "cube_inference",
        "No share says something about everybody in a cell, and no figure is one person's own value.",
        mart=mart,
        class_size=size,
        shares=[name for name, one in release.measures.items() if one.how == "share" or _is_truth(policy, one)],
        amounts={
            name: places
            for name, one in release.measures.items()
            if one.how is None and one.round_to is None and (places := _numbers(policy, one.attribute))
        },
    )
    yield from _subtracted(policy, mart, release)
    if release.margins:
        yield _requirement(
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
        yield _requirement(
            "ExpectMartsNotToBeLinked",
            "pair_classes",
            f"Labels of this mart and of others fit nobody, or at least {k} people: {', '.join(pairs)}.",
            mart=mart,
            columns=columns,
            minimum_class_size=k,
            others=pairs,
        )
    yield _requirement(
        "ExpectHistoryToBeWhole",
        "whole_history",
        "Who is in which class tonight, and was in the last releases, is known and undamaged.",
        mart=mart,
        columns=columns,
        class_size=size,
        releases_known=memory.releases.get(mart),
    )
    yield _requirement(
        "ExpectNoDifferenceToTellOfFew",
        "differencing",
        f"Since each of the last 30 releases a class changed by nobody, or by at least {k} people.",
        mart=mart,
        minimum_class_size=k,
    )
    if not release.is_microdata:
        return
    yield _requirement(
        "ExpectReleasesNotToIntersect",
        "intersection",
        f"Everybody shares their class with at least {k} people through all releases that they are in.",
        mart=mart,
        minimum_class_size=k,
    )
    labelled = {published.attribute for published in release.quasi_identifiers.values()}
    yield _requirement(
        "ExpectLabelsToStayInAnEpoch",
        "stability",
        "Nobody gets another class within an epoch unless something about them has changed.",
        mart=mart,
        changed_in=[raw for raw, table in _raw_tables(policy) if labelled & set(table.columns)],
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
            yield _requirement(
                "ExpectOtherMartsToRecoverNothing",
                "margins_of_each_other",
                f"What {', '.join(coarser)} has more than {finer} is nobody, or at least"
                f" {policy.releases[finer].minimum_class_size} people.",
                mart=finer,
                class_size=policy.releases[finer].class_size,
                minimum_class_size=policy.releases[finer].minimum_class_size,
                coarser=coarser,
            )


def _coarser_cubes(policy: Policy, mart: str, release: Release) -> Iterator[tuple[str, list[str]]]:
    """Yield the cubes of people whose columns this cube has too, with their class size and columns."""
    for other, one in policy.releases.items():
        is_plain = other != mart and one.class_size and not (one.noise or one.learned)
        if is_plain and _is_of_people(policy, release) and _is_of_people(policy, one):
            same = one.quasi_identifiers
            if all(release.quasi_identifiers.get(name) == column for name, column in same.items()):
                yield other, [str(one.class_size), *same]


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
        for _, table in _raw_tables(policy)
        if set(table.key) - {table.watermark} == {table.subject}
        for name in table.columns
    }
    return all(published.attribute in of_people for published in release.quasi_identifiers.values())


def _is_truth(policy: Policy, measure: Any) -> bool:
    """Return whether a hand-made measure is of something that is true or not."""
    return measure.how is None and any(
        table.columns[measure.attribute].type == "boolean"
        for _, table in _raw_tables(policy)
        if measure.attribute in table.columns
    )


def _numbers(policy: Policy, attribute: str) -> list[list[str]]:
    """Return the raw tables that hold an attribute as a number."""
    return [
        [raw, attribute]
        for raw, table in _raw_tables(policy)
        if attribute in table.columns and table.columns[attribute].type in ("integer", "decimal")
    ]


def _raw_tables(policy: Policy) -> Iterator[tuple[str, Any]]:
    """Yield every raw table's name and mapping."""
    for source_name, source in policy.sources.items():
        for name, table in source.tables.items():
            yield f"raw_{source_name}__{name}", table


def _hierarchies(policy: Policy, mart: str) -> dict[str, str]:
    """Return the published columns that have a hierarchy, and which."""
    published = policy.releases[mart].quasi_identifiers.items()
    return {column: origin.hierarchy for column, origin in published if origin.hierarchy}
