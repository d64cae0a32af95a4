"""The four holes that dbt's own fences (groups, access, contracts) leave, closed by reading the manifest.

dbt lets any model call source(), ref() a seed, ref() the other zone's protected door, or name a table outright.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sqlglot
from sqlglot import exp

from trustmart.errors import FenceBroken
from trustmart.lineage.manifest import Manifest, Model
from trustmart.lineage.rules import LABELLED

# Which zone the marts of a folder belong to; anonymized ones wait as candidates until the gate lets them out.
_ZONE_OF_MARTS = {"anonymized": "anonymized_candidate", "personal": "personal"}

# Hierarchies are seeds: where labels are made, they are read.
_READ_SEEDS = ("models/intermediate/restricted", "models/intermediate/anonymized")


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


def broken_fences(
    manifest: Manifest,
    *,
    marts: Collection[str],
    crossings: Mapping[str, str],
    tiers: Collection[str] = (),
    use_cases: Mapping[str, str] = MappingProxyType({}),
    not_built: Collection[str] = (),
    dialect: str = "duckdb",
) -> BrokenFences:
    """Return every way around a door that the models take.

    marts: those that policy knows; no other may be built. tiers: those that the door makes.
    crossings: personal mart -> the anonymized one that it may apply to people. use_cases: personal mart -> what it is
    built for. not_built: models that were left out of the build, so that no SQL of theirs ran.
    """
    tiers = {*tiers, LABELLED}
    findings = [
        f"{model.name}: {finding}"
        for key, model in manifest.models.items()
        for table in [manifest.tables.get(key, "")]
        for finding in (
            *_of_place(model),
            *_of_name(model, table),
            *_of_policy(model, marts, tiers),
            *_of_asides(model),
            *_of_reads(model, manifest, crossings),
            *_of_purpose(model, manifest, use_cases),
            *(() if model.name in not_built else _of_tables(model, manifest, dialect)),
        )
    ]
    findings += [f"{other}: writes past every door; make it a model" for other in manifest.others]
    findings += manifest.macros
    return BrokenFences(findings=tuple(sorted(findings)))


def _of_place(model: Model) -> Iterator[str]:
    """A mart is public and contracted; nothing else is public; nothing has no zone, or another folder's."""
    if not model.zone or not model.group:
        yield "stands outside every zone: give its folder a zone and a group in dbt_project.yml"
    if not _is_in(model, "models/marts"):
        if model.access == "public" or model.zone != "restricted":
            yield f"is {model.access} in zone {model.zone or '(none)'}, but only marts leave the restricted zone"
        return
    if model.materialized == "door":
        # Its SQL yields records; the door makes the mart, and policy is the contract.
        if _zone_of_mart(model) != "anonymized":
            yield "is made by the door to the anonymized zone, and stands outside models/marts/anonymized"
        return
    if not model.contract:
        yield "is a mart without an enforced contract"
    if model.materialized != "table":
        # A view shows whatever is behind it later; an incremental table keeps who was permitted once.
        yield f"is a mart, and built as {model.materialized}; a mart is a table, made anew each night"
    if model.zone != _ZONE_OF_MARTS.get(_zone_of_mart(model) or ""):
        yield f"is a mart in {model.folder}, which is no folder of the zone {model.zone or '(none)'}"


def _of_name(model: Model, table: str) -> Iterator[str]:
    """A model's table has its name and stands in its zone: a database of the zone's name, or a schema."""
    *places, name = table.split(".")
    at_home = {"anonymized_candidate": [["restricted", "anonymized_candidate"]]}.get(model.zone, [[model.zone, "main"]])
    if table and (name != model.name or (places not in at_home and places[-1:] != [model.zone])):
        yield f"is built as {table}; a model's table has the model's name, in its zone: take alias and schema out"


def _of_policy(model: Model, marts: Collection[str], tiers: Collection[str]) -> Iterator[str]:
    """A mart stands in policy under its own name, with the use case it is built for, and how the door makes it."""
    if _is_in(model, "models/marts") and model.name not in marts:
        yield "is a mart that no policy file knows: name it, with its use case, in releases, destinations or scores"
    elif model.materialized == "door" and model.name not in tiers:
        yield "is made by the door, and releases.yml does not say how: give it a tier"
    elif model.materialized != "door" and model.name in tiers:
        yield f"has a tier in releases.yml, so the door makes it; and it is built as {model.materialized}"


def _of_asides(model: Model) -> Iterator[str]:
    """A model is one query; what runs beside it reads and writes unseen."""
    for aside in model.asides:
        yield f"has {aside}, in which it could read anything"


def _is_in(model: Model, folder: str) -> bool:
    """True where the model stands in the folder, or below it."""
    return f"{model.folder}/".startswith(f"{folder}/")


def _of_reads(model: Model, manifest: Manifest, crossings: Mapping[str, str]) -> Iterator[str]:
    """Sources are for staging, seeds for the restricted zone, and a mart reads its own door or its own zone.

    A score reads the one anonymized mart besides that policy/scores.yml says it was learned from.
    """
    for read in model.reads:
        kind, name = read.split(".")[0], read.split(".")[-1]
        if kind == "source" and not _is_in(model, "models/staging"):
            yield f"calls source() for {name}; only staging may"
        if kind == "seed" and not any(_is_in(model, folder) for folder in _READ_SEEDS):
            yield f"reads the seed {name}; only {' and '.join(_READ_SEEDS)} may"
        if kind not in ("source", "seed") and _is_in(model, "models/marts"):
            zone, origin = _zone_of_mart(model), manifest.models.get(read)
            doors = (f"models/intermediate/{zone}", f"models/marts/{zone}")
            if origin is not None and zone == "personal" and _is_in(origin, "models/marts/anonymized"):
                if crossings.get(model.name) != name:
                    yield f"applies {name} to people; such a crossing needs a use case of its own in policy/scores.yml"
            elif name == LABELLED and model.name not in crossings:
                yield f"reads {name}, which is kept for scores alone"
            elif origin is None or not any(_is_in(origin, door) for door in doors):
                yield f"reads {name}, which is neither the {zone} zone's door nor one of its marts"


def _of_purpose(model: Model, manifest: Manifest, use_cases: Mapping[str, str]) -> Iterator[str]:
    """People are permitted for one use case: a personal mart picks nobody by what is kept of them for another."""
    for read in model.reads:
        name = read.split(".")[-1]
        if read in manifest.models and name in use_cases and use_cases[name] != use_cases.get(model.name):
            yield f"reads {name}, which is built for {use_cases[name]} and for no other use case"


def _zone_of_mart(model: Model) -> str | None:
    """Return the zone whose mart this is."""
    return next((zone for zone in _ZONE_OF_MARTS if _is_in(model, f"models/marts/{zone}")), None)


def _of_tables(model: Model, manifest: Manifest, dialect: str) -> Iterator[str]:
    """Every table in the SQL that ran must be one that dbt was told of by ref() or source()."""
    if model.sql is None:
        yield "has no compiled SQL, so what it reads cannot be known"
        return
    told = {manifest.tables[read] for read in model.reads if read in manifest.tables}
    try:
        statements = [statement for statement in sqlglot.parse(model.sql, dialect=dialect) if statement is not None]
    except sqlglot.errors.SqlglotError:
        yield "its SQL cannot be parsed, so what it reads cannot be known"
        return
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        yield "is not one query, so what it reads cannot be known"
    for statement in statements:
        yield from _untold_tables(statement, told)


def _untold_tables(statement: exp.Expression, told: set[str]) -> Iterator[str]:
    """Name the tables (and table functions such as read_csv) that are neither told of nor defined in the statement."""
    for table in statement.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            yield "reads from a function instead of a model"
            continue
        name = ".".join(part.name for part in table.parts).lower()
        if name not in told and not _is_defined_here(table):
            yield f"names the table {name} outright, without ref()"


def _is_defined_here(table: exp.Table) -> bool:
    """True where the name is a CTE's that can be seen from this place. A CTE has a bare name, and is not seen from
    inside itself or from before it: there, the same name is a real table's.
    """
    if len(table.parts) != 1:
        return False
    inner: exp.Expression = table
    outer = table.parent
    while outer is not None:
        seen = _ctes_seen(inner, outer)
        if any(cte.alias_or_name.lower() == table.name.lower() for cte in seen):
            return True
        inner, outer = outer, outer.parent
    return False


def _ctes_seen(inner: exp.Expression, outer: exp.Expression) -> list[exp.Expression]:
    """Return the CTEs that a step from the inside to the outside brings into sight."""
    if isinstance(outer, exp.With):
        place = next(n for n, cte in enumerate(outer.expressions) if cte is inner)
        return list(outer.expressions[: place + 1 if outer.recursive else place])
    ctes = outer.args.get("with_")
    return [] if ctes is None or ctes is inner else list(ctes.expressions)
