"""What releases.yml says must agree with attributes, hierarchies, and with itself."""

from collections.abc import Iterator
from fractions import Fraction

from trustmart.policy.models import Policy, Role
from trustmart.policy.releases import Measure, PublishedColumn, Release, Tier
from trustmart.policy.reserved import reserved_names
from trustmart.policy.wording import not_one_of

Fault = tuple[tuple[str | int, ...], str]


def faults_of_releases(policy: Policy) -> Iterator[Fault]:
    """Return everything that keeps a mart from being released as it is declared."""
    for name, release in policy.releases.items():
        for where, what in (
            *_of_columns(policy, release),
            *_of_generalized(policy, release),
            *_of_learned(policy, release),
            *_of_noise(policy, release),
        ):
            yield ("releases", name, *where), what


def _of_columns(policy: Policy, release: Release) -> Iterator[Fault]:
    """What is published comes from attributes that may be, and never from a direct identifier."""
    for column, published in release.quasi_identifiers.items():
        for what in _of_published(policy, published.attribute, published):
            yield ("quasi_identifiers", column), what
    for column, measure in release.measures.items():
        for what in _of_published(policy, measure.attribute, measure):
            yield ("measures", column), what
    for column, shown in release.publish.items():
        origin = policy.attributes.get(shown.attribute)
        if origin is None or origin.role is not Role.INSENSITIVE:
            yield ("publish", column), f"{shown.attribute!r} is not insensitive; only that is published as it is"
    for column, sensitive in release.sensitive.items():
        for what in _of_published(policy, sensitive.attribute or column, None):
            yield ("sensitive", column), what
    if len(set(release.columns)) != len(release.columns):
        yield (), "a column is listed twice"
    if release.tier is not None:
        for column in sorted(reserved_names(is_microdata=release.is_microdata) & set(release.columns)):
            yield (), f"{column!r} is a name that the door and the gate use themselves: call the column something else"
    for column in release.columns:
        named = policy.attributes.get(column)
        if named is not None and named.role is Role.DIRECT_IDENTIFIER:
            yield (), f"{column!r} is the name of a direct identifier"


def _of_published(policy: Policy, attribute: str, published: PublishedColumn | Measure | None) -> Iterator[str]:
    """Say what keeps one column from being published."""
    origin = policy.attributes.get(attribute)
    if origin is None:
        yield f"{attribute!r} is not in attributes.yml"
    elif origin.role is Role.DIRECT_IDENTIFIER or origin.free_text:
        yield f"{attribute!r} is a direct identifier or free text and never enters the anonymized zone"
    elif (
        isinstance(published, PublishedColumn)
        and published.hierarchy is None
        and _is_text(policy, attribute)
        and origin.role is not Role.INSENSITIVE
    ):
        yield f"{attribute!r} is text about a person: name the hierarchy whose labels stand for it"


def _of_generalized(policy: Policy, release: Release) -> Iterator[Fault]:
    """The door generalizes by hierarchies that are whole, and to no day of birth and no full postcode."""
    if not release.is_microdata:
        return
    for column, published in release.quasi_identifiers.items():
        place = ("quasi_identifiers", column)
        rule = policy.hierarchies.get(published.hierarchy or "")
        if rule is None:
            yield place, not_one_of(published.hierarchy or "", policy.hierarchies, "a hierarchy of hierarchies.yml")
        elif not rule.is_whole:
            yield place, f"the leaves of {published.hierarchy} change with the data: declare them all"
        elif (rule.calendar or rule.ranges) and published.minimum_level in (0, "day"):
            yield place, "minimum_level is missing: days and exact numbers single people out"


def _of_learned(policy: Policy, release: Release) -> Iterator[Fault]:
    """What is learned is learned from anonymized microdata, of columns that it publishes."""
    if release.learned is None:
        return
    teacher = policy.releases.get(release.learned.learned_from)
    # People are told by a model's labels at one level per column, so a tree of mixed levels teaches nothing.
    if teacher is None or teacher.tier is not Tier.ANALYST_MICRODATA:
        known = [name for name, one in policy.releases.items() if one.tier is Tier.ANALYST_MICRODATA]
        yield ("learned", "learned_from"), not_one_of(release.learned.learned_from, known, "a release of microdata")
        return
    if release.minimum_class_size < teacher.minimum_class_size:
        asked = f"{release.learned.learned_from} asks for {teacher.minimum_class_size}"
        yield (
            ("minimum_class_size",),
            f"what is learned stands for no fewer people than what it is learned from; {asked}",
        )
    for column in release.learned.columns_learned_from:
        if column not in teacher.columns:
            yield (
                ("learned", "features"),
                not_one_of(column, teacher.columns, f"a column of {release.learned.learned_from}"),
            )


def _of_noise(policy: Policy, release: Release) -> Iterator[Fault]:
    """A population has one budget; a noisy sum needs to know what one record may count at most."""
    if release.noise is None:
        return
    others = [
        one.noise for one in policy.releases.values() if one.noise and one.noise.population == release.noise.population
    ]
    if len({noise.yearly_epsilon for noise in others}) > 1:
        yield ("noise", "yearly_epsilon"), f"the population {release.noise.population} has several budgets; it has one"
    planned = sum(Fraction(str(noise.epsilon)) * noise.draws_per_year for noise in others)
    if planned > Fraction(str(release.noise.yearly_epsilon)):
        yield (
            ("noise", "epsilon"),
            f"the releases of {release.noise.population} would spend up to {float(planned):g} a year, its budget is"
            f" {release.noise.yearly_epsilon:g}: spend less, or draw less often (every: night, week, month)",
        )
    if release.margins or release.hold_back or release.dominance_percent:
        yield ("noise",), "margins, hold_back and dominance_percent are for exact figures; readers add noisy cells up"
    for name, measure in release.measures.items():
        if measure.how not in ("records", "people", "sum"):
            yield ("measures", name), "noise is for records, people and sums; means are for readers to divide"
        if measure.how == "sum" and measure.bounds is None:
            yield ("measures", name), "bounds are missing: what may one record count at least and at most?"


def _is_text(policy: Policy, attribute: str) -> bool:
    """True where any source delivers the attribute as text."""
    tables = (table for source in policy.sources.values() for table in source.tables.values())
    return any(table.columns[attribute].type == "text" for table in tables if attribute in table.columns)
