"""The corpus of planted data: a warehouse of clean marts, and for each case the SQL that spoils (or only changes) one."""

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from support.corpus import FOLDER
from trustmart.gates import GateReport, inspect_all
from trustmart.gates.looking import look
from trustmart.gates.suites import Memory, requirements
from trustmart.policy import Policy
from trustmart.settings import Settings
from trustmart.warehouse import DuckDBWarehouse

KEY = "a-key-that-must-not-be-found-anywhere"


@dataclass(frozen=True, kw_only=True)
class PlantedCase:
    """One change of one mart: what it tries, the SQL that makes it, and who must catch it (nobody, if it is clean).

    memory: what ledger and recodings remember, as in trustmart.gates.suites.Memory.
    """

    name: str
    family: str
    mart: str
    expected: str
    sql: str = ""
    caught_by: tuple[str, ...] = ()
    memory: dict[str, Any] | None = None

    def __str__(self) -> str:
        """Return its name, for a list of tests."""
        return self.name

    @property
    def remembered(self) -> Memory:
        """Return what the gate is told besides policy."""
        return Memory(**(self.memory or {}))


@cache
def ground() -> dict[str, Any]:
    """Return what every case starts from: releases, hierarchies, and the SQL that makes the warehouse."""
    return yaml.safe_load((FOLDER / "_planted.yml").read_text(encoding="utf-8"))


def planted_cases(file: str) -> list[PlantedCase]:
    """Return the cases of one file."""
    rows = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    return [PlantedCase(**{**row, "caught_by": tuple(row.get("caught_by", ()))}) for row in rows]


def planted_policy(policy: dict[str, Any]) -> Policy:
    """Return a policy (as plain values) with the ground's marts in the place of its own."""
    plain = dict(policy) | {name: ground()[name] for name in ("releases", "hierarchies")}
    plain["attributes"] = dict(policy["attributes"]) | {
        "has_loan": {"category": "user.financial.credit", "role": "sensitive"}
    }
    columns = dict(policy["sources"]["crm"]["tables"]["customers"]["columns"])
    columns["has_loan"] = {"from": "has_loan", "type": "boolean"}
    customers = dict(policy["sources"]["crm"]["tables"]["customers"]) | {"columns": columns}
    plain["sources"] = {"crm": dict(policy["sources"]["crm"]) | {"tables": {"customers": customers}}}
    return Policy.model_validate(plain)


def make_ground(folder: Path) -> Path:
    """Make the warehouse that every case starts from, and return its folder."""
    warehouse = warehouse_in(folder)
    _run(warehouse, ground()["sql"])
    return warehouse.path("restricted").parent


def warehouse_in(folder: Path) -> DuckDBWarehouse:
    """Return a warehouse with the corpus's key."""
    return DuckDBWarehouse(Settings(data=folder, key=SecretStr(KEY)))


def planted(case: PlantedCase, folder: Path, clean: Path) -> DuckDBWarehouse:
    """Return the warehouse in a folder, made the clean one again and changed by a case.

    One folder may serve many cases, one after the other: every new folder loads the engine's extension once more.
    """
    warehouse = warehouse_in(folder)
    for file in clean.glob("*.duckdb"):
        shutil.copy(file, warehouse.path("restricted").parent)
    if case.sql:
        _run(warehouse, case.sql)
    return warehouse


def judged(case: PlantedCase, policy: Policy, warehouse: DuckDBWarehouse) -> GateReport:
    """Return what the gate says of a case's mart."""
    (report,) = inspect_all(policy=policy, warehouse=warehouse, marts=[case.mart], memory=case.remembered)
    return report


def checks_that_see(case: PlantedCase, policy: Policy, warehouse: DuckDBWarehouse) -> set[str]:
    """Return the checks and attacks that find anything in a case's mart, each asked by itself."""
    with warehouse.session(reads=["restricted"]) as session:
        return {
            one.check
            for one in requirements(policy, case.mart, case.remembered)
            if look(one.check, session, one.arguments).findings
        }


def _run(warehouse: DuckDBWarehouse, sql: str) -> None:
    """Execute statements inside the restricted zone."""
    with warehouse.session(writes="restricted") as session:
        session.run("use restricted")
        session.run(sql)
