"""The four holes that dbt's own fences (groups, access, contracts) leave, closed by reading the manifest.

dbt lets any model call source(), ref() a seed, ref() the other zone's protected door, or name a table outright.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from trustmart.errors import FenceBroken
from trustmart.lineage.manifest import Manifest, Model

_ZONES = ("anonymized", "personal")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenFences:
    """What was found, one sentence each."""

    findings: tuple[str, ...]

    def raise_if_any(self) -> None:
        """Raise FenceBroken with all findings."""
        if self.findings:
            listing = "\n".join(f"  {finding}" for finding in self.findings)
            raise FenceBroken(
                f"{len(self.findings)} ways around a zone's door; nothing was released:\n{listing}\n"
                "Read through the door instead (models/intermediate/<zone>), then: trustmart transform"
            )


def broken_fences(manifest: Manifest, *, dialect: str = "duckdb") -> BrokenFences:
    """Return every way around a door that the models take."""
    findings = [
        f"{model.name}: {finding}"
        for model in manifest.models.values()
        for finding in (*_of_place(model), *_of_reads(model, manifest), *_of_tables(model, manifest, dialect))
    ]
    return BrokenFences(findings=tuple(sorted(findings)))


def _of_place(model: Model) -> Iterator[str]:
    """A mart is public and contracted; nothing else is public; nothing has no zone."""
    is_mart = model.folder.startswith("models/marts")
    if not model.zone or not model.group:
        yield "stands outside every zone: give its folder a zone and a group in dbt_project.yml"
    if is_mart and not model.contract:
        yield "is a mart without an enforced contract"
    if not is_mart and (model.access == "public" or model.zone != "restricted"):
        yield f"is {model.access} in zone {model.zone or '(none)'}, but only marts leave the restricted zone"


def _of_reads(model: Model, manifest: Manifest) -> Iterator[str]:
    """Sources are for staging, seeds for the restricted zone, and a mart reads its own door or its own zone."""
    for read in model.reads:
        kind, name = read.split(".")[0], read.split(".")[-1]
        if kind == "source" and not model.folder.startswith("models/staging"):
            yield f"calls source() for {name}; only staging may"
        if kind == "seed" and not model.folder.startswith("models/intermediate/restricted"):
            yield f"reads the seed {name}; only models/intermediate/restricted may"
        if kind == "model" and (zone := _zone_of_mart(model)):
            origin = manifest.models.get(read)
            if origin is None or origin.folder not in (f"models/intermediate/{zone}", f"models/marts/{zone}"):
                yield f"reads {name}, which is neither the {zone} zone's door nor one of its marts"


def _zone_of_mart(model: Model) -> str | None:
    """Return the zone whose mart this is."""
    return next((zone for zone in _ZONES if model.folder.startswith(f"models/marts/{zone}")), None)


def _of_tables(model: Model, manifest: Manifest, dialect: str) -> Iterator[str]:
    """Every table in the SQL that ran must be one that dbt was told of by ref() or source()."""
    if model.sql is None:
        yield "has no compiled SQL, so what it reads cannot be known"
        return
    told = {manifest.tables[read] for read in model.reads if read in manifest.tables}
    try:
        statements = sqlglot.parse(model.sql, dialect=dialect)
    except sqlglot.errors.SqlglotError:
        yield "its SQL cannot be parsed, so what it reads cannot be known"
        return
    for statement in statements:
        yield from _untold_tables(statement, told)


def _untold_tables(statement: exp.Expression | None, told: set[str]) -> Iterator[str]:
    """Name the tables (and table functions such as read_csv) that are neither told of nor defined in the statement."""
    if statement is None:
        return
    defined = {cte.alias_or_name.lower() for cte in statement.find_all(exp.CTE)}
    for table in statement.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            yield "reads from a function instead of a model"
            continue
        name = ".".join(part.name for part in table.parts).lower()
        if name not in told and name not in defined:
            yield f"names the table {name} outright, without ref()"
