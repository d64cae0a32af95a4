"""The records of a mart with a row per person: looked at once, with everything that policy asks of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from trustmart.anonymity.declared import declared_hierarchy
from trustmart.anonymity.hierarchy import Hierarchy
from trustmart.anonymity.models import Requirements
from trustmart.anonymity.search import SensitiveColumn
from trustmart.anonymizing.config import QuasiIdentifier, ReleaseConfig
from trustmart.anonymizing.counting import check_enough
from trustmart.anonymizing.encoding_sql import Profile, profile
from trustmart.anonymizing.files import TableFile, table_called
from trustmart.anonymizing.references import shares_of
from trustmart.anonymizing.requirements import requirements_of
from trustmart.errors import ReleaseFault, TableUnfit
from trustmart.policy import HierarchyRule, Release, Tier
from trustmart.warehouse import Session


@dataclass(frozen=True, kw_only=True)
class PersonRecords:
    """The records of a mart, and what is asked of them.

    floor: per quasi-identifier the finest level allowed. references: the sensitive columns' shares tonight.
    """

    mart: str
    table: TableFile
    profiled: Profile
    config: ReleaseConfig
    hierarchies: tuple[Hierarchy, ...]
    floor: tuple[int, ...]
    references: Mapping[str, SensitiveColumn]
    requirements: Requirements

    @property
    def columns(self) -> list[str]:
        """Return what the mart publishes: labels, then the columns published as they are."""
        return [*self.config.quasi_identifiers, *self.config.published]

    @property
    def weights(self) -> list[float]:
        """Return how much each quasi-identifier's loss counts."""
        return [column.weight for column in self.config.quasi_identifiers.values()]


def look_at_records(
    session: Session, mart: str, release: Release, rules: Mapping[str, HierarchyRule], records: str
) -> PersonRecords:
    """Profile the records, build their hierarchies and say what is asked of them.

    records: a full table name. Raises TableUnfit, HierarchyFault, ReleaseFault.
    """
    table = table_called(session, mart, records)
    config = config_of(release, rules)
    table.check_columns([*config.quasi_identifiers, *config.published, "subject_id"])
    profiled = profile(session, table, list(config.quasi_identifiers))
    check_enough(profiled, config.minimum_class_size, mart)
    people = int(session.value(f"select count(distinct subject_id) from {records}"))
    if people != profiled.records:
        more = profiled.records - people
        raise TableUnfit(f"{mart}: {more:,} records more than people; a row of microdata is a person, so say which one")
    hierarchies = tuple(
        declared_hierarchy(name, column.hierarchy, fallback=column.fallback)
        for name, column in config.quasi_identifiers.items()
    )
    asked = config.quasi_identifiers.values()
    references = shares_of(session, records, list(config.sensitive))
    return PersonRecords(
        mart=mart,
        table=table,
        profiled=profiled,
        config=config,
        hierarchies=hierarchies,
        floor=tuple(one.level(column.minimum_level) for one, column in zip(hierarchies, asked, strict=True)),
        references=references,
        requirements=requirements_of(config, references),
    )


def config_of(release: Release, rules: Mapping[str, HierarchyRule]) -> ReleaseConfig:
    """Return what a release of policy asks, as the engine reads it; raises ReleaseFault for an unknown hierarchy."""
    columns = {}
    for name, published in release.quasi_identifiers.items():
        if (rule := rules.get(published.hierarchy or "")) is None:
            raise ReleaseFault([f"{name}: hierarchies.yml declares no {published.hierarchy}"])
        columns[name] = QuasiIdentifier(
            hierarchy=rule,
            minimum_level=published.minimum_level,
            fallback=published.fallback,
            weight=published.weight,
        )
    asked = ReleaseConfig(
        minimum_class_size=release.minimum_class_size,
        maximum_suppressed=release.maximum_suppressed,
        quasi_identifiers=columns,
        sensitive=dict(release.sensitive),
        publish=list(release.publish),
        method="tree" if release.tier is Tier.LABORATORY else "full_domain",
    )
    return asked if release.reserve is None else asked.model_copy(update={"reserve": release.reserve})
