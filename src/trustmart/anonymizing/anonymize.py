"""Anonymize a table: build the hierarchies, count once, fit, then verify, apply and write. Told as a paragraph."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustmart.anonymity.recoding import Recoding
from trustmart.anonymity.search import Fit, fit
from trustmart.anonymity.table_measures import TableMeasures
from trustmart.anonymity.utility import column_loss
from trustmart.anonymizing.config import ReleaseConfig
from trustmart.anonymizing.counting import check_enough, count_base, count_fallbacks
from trustmart.anonymizing.encoding_sql import profile
from trustmart.anonymizing.files import TableFile, open_table
from trustmart.anonymizing.hierarchies import build_hierarchy
from trustmart.anonymizing.inspecting import inspect_release
from trustmart.anonymizing.publishing import publish
from trustmart.anonymizing.requirements import requirements_of
from trustmart.anonymizing.words import quoted
from trustmart.warehouse import Session

OnStep = Callable[[str], None]
OnCheck = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Anonymized:
    """What was done to a table. Counts, levels and digests only.

    fitted: the recoding's loss and whether it is the optimum. loss_by_column: each column's own, from 0 to 1.
    fallbacks: per column, how many values were outside its hierarchy and went to its fallback.
    measures: of what is published, read back from the file.
    """

    fitted: Fit
    recoding: Recoding
    loss_by_column: dict[str, float]
    fallbacks: dict[str, int]
    measures: TableMeasures

    def as_dict(self) -> dict[str, Any]:
        """Return everything as scripts read it."""
        fitted = self.fitted
        return {
            **self.measures.as_dict(),
            "method": "full_domain",
            "loss": fitted.loss,
            "loss_by_column": self.loss_by_column,
            "optimal": fitted.optimal,
            "gap": fitted.gap,
            "lattice_nodes": fitted.nodes,
            "nodes_checked": fitted.checked,
            "fallbacks": self.fallbacks,
            "recoding": self.recoding.as_dict(),
        }


def anonymize(
    session: Session,
    table: TableFile,
    config: ReleaseConfig,
    output: Path,
    *,
    on_step: OnStep = lambda step: None,
    on_check: OnCheck = lambda checked, left: None,
) -> Anonymized:
    """Publish a table as a release's configuration asks; raises AnonymizationError before anything is written."""
    columns = list(config.quasi_identifiers)
    table.check_columns([*columns, *config.published])
    profiled = profile(session, table, columns)
    check_enough(profiled, config.minimum_class_size, table.path.name)
    on_step("building hierarchies")
    hierarchies = [build_hierarchy(session, table, name, rule) for name, rule in config.quasi_identifiers.items()]
    asked = list(config.quasi_identifiers.values())
    floor = [hierarchy.level(column.minimum_level) for hierarchy, column in zip(hierarchies, asked, strict=True)]
    on_step("counting")
    base = count_base(session, table, hierarchies, list(config.sensitive), floor=floor, profiled=profiled)
    requirements = requirements_of(config, base.sensitive)
    on_step("searching")
    weights = [column.weight for column in asked]
    fitted = fit(
        base, requirements, weights=weights, floor=floor, time_limit=config.time_limit_seconds, on_check=on_check
    )
    recoding = Recoding(tuple(hierarchies), fitted.levels)
    on_step("writing")
    publish(
        session,
        table,
        recoding,
        requirements,
        base.sensitive,
        columns=config.published,
        output=output,
        profiled=profiled,
    )
    on_step("measuring what is published")
    published = open_table(session, output).relation
    measures = inspect_release(session, published, config, records_total=profiled.records)
    return Anonymized(
        fitted=fitted,
        recoding=recoding,
        loss_by_column=_loss_by_column(session, published, recoding, measures.suppressed or 0),
        fallbacks=count_fallbacks(base),
        measures=measures,
    )


def _loss_by_column(session: Session, relation: str, recoding: Recoding, suppressed: int) -> dict[str, float]:
    """Return each column's loss, from the labels that are published."""
    found = {}
    for hierarchy, level in zip(recoding.hierarchies, recoding.levels, strict=True):
        name = quoted(hierarchy.name)
        labels = dict(session.rows(f"select {name}, count(*) from {relation} group by {name}"))
        found[hierarchy.name] = column_loss(labels, hierarchy, level, suppressed=suppressed)
    return found
