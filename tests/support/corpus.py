"""The corpus of leaks and clean marts: small projects of SQL, each with the verdict that it must get."""

import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from trustmart.lineage import Manifest, Model, Seed
from trustmart.policy import Policy, Release, load_policy

FOLDER = Path(__file__).resolve().parents[1] / "gates" / "corpus"
PROJECT = Path(__file__).resolve().parents[2]
MART = "dim_corpus"
_REF = re.compile(r"\{\{\s*ref\('(\w+)'\)\s*\}\}")
_SOURCE = re.compile(r"\{\{\s*source\('(\w+)',\s*'(\w+)'\)\s*\}\}")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One small project: what it tries, its models, the verdict, and who must catch it by which rule."""

    name: str
    tries: str
    expected: str
    models: dict[str, str | None]
    materialized: str = "table"
    caught_by: tuple[str, ...] = ()
    rule: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return its name, for a list of tests."""
        return self.name


@cache
def given() -> dict[str, Any]:
    """Return what every case starts from."""
    return yaml.safe_load((FOLDER / "_given.yml").read_text(encoding="utf-8"))


def cases(file: str) -> list[Case]:
    """Return the cases of one file."""
    return [Case(**row) for row in yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))]


@cache
def corpus_policy() -> Policy:
    """Return the shipped policy with the corpus's own release in the place of all others."""
    policy = load_policy(PROJECT / "policy", environment={})
    return policy.model_copy(update={"releases": {MART: Release.model_validate(given()["release"])}})


def manifest_of(case: Case) -> Manifest:
    """Return the manifest that dbt would make of a case."""
    models = {**given()["models"], **case.models}
    seeds = given()["seeds"]
    found = {f"model.corpus.{name}": _model(name, sql, seeds) for name, sql in models.items()}
    mart = f"model.corpus.{MART}"
    if mart in found:
        found[mart] = replace(found[mart], materialized=case.materialized)
    tables = {key: f"restricted.main.{key.split('.')[-1]}" for key in found}
    tables |= {f"seed.corpus.{name}": f"restricted.main.{name}" for name in seeds}
    tables |= {read: f"restricted.main.{read.split('.')[-1]}" for model in found.values() for read in model.reads}
    return Manifest(
        models=found,
        tables=tables,
        seeds={
            f"seed.corpus.{name}": Seed(name=name, columns=tuple(columns), is_hierarchy=True)
            for name, columns in seeds.items()
        },
        unique={f"model.corpus.{name}": frozenset(columns) for name, columns in given()["unique"].items()},
    )


def _model(name: str, sql: str | None, seeds: dict[str, Any]) -> Model:
    """Return one model, compiled."""
    text = sql or ""
    reads = {f"{'seed' if one in seeds else 'model'}.corpus.{one}": None for one in _REF.findall(text)} | {
        f"source.corpus.{source}.{table}": None for source, table in _SOURCE.findall(text)
    }
    compiled = _SOURCE.sub(r"restricted.main.\2", _REF.sub(r"restricted.main.\1", text))
    is_mart, is_personal = name == MART, name.startswith("aud_")
    zone = "anonymized_candidate" if is_mart else "personal" if is_personal else "restricted"
    folder = "models/marts/anonymized" if is_mart else "models/marts/personal" if is_personal else "models/intermediate"
    return Model(
        name=name,
        zone=zone,
        folder=folder,
        group=zone,
        access="public" if is_mart or is_personal else "private",
        contract=is_mart or is_personal,
        reads=tuple(reads),
        sql=None if sql is None else compiled,
        columns=(),
    )
