"""Names of columns that clash with the engine's own: refused by policy, or harmless."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cubes import CubeWarehouse
from support.cubes import release_of as cube_of
from support.people_nights import FIRST_NIGHT, release_of
from trustmart.gates.attack_requirements import attack_requirements
from trustmart.gates.looking import look
from trustmart.gates.requirement import Memory
from trustmart.policy import Policy, load_policy
from trustmart.policy.released import faults_of_releases
from trustmart.policy.releases import Release
from trustmart.policy.reserved import ALWAYS, BESIDE_LABELS
from trustmart.warehouse.release_history import look_back

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = PROJECT / "src" / "trustmart"
# What follows `as` and is no column: types, words of SQL, and tables of a letter or two.
NO_COLUMN = re.compile(
    r"[a-z]|an|bigint|boolean|date|decimal|double|integer|timestamp|ubigint|varchar|string|select|from|materialized"
)


@pytest.fixture(scope="module")
def shipped() -> Policy:
    """Return the policy that ships."""
    return load_policy(PROJECT / "policy")


def faults(policy: Policy, release: Release) -> list[str]:
    """Return what policy says of one release."""
    return [what for _, what in faults_of_releases(policy.model_copy(update={"releases": {"mart": release}}))]


def with_column(column: str, tier: str) -> Release:
    """Return a release of people with one column called so."""
    return release_of(k=11, tier=tier, sensitive={column: {"from": "balance_eur", "distinct": 2, "t": 0.2}})


@pytest.mark.parametrize("tier", ["analyst_microdata", "laboratory"])
@pytest.mark.parametrize("column", ["people", "class_id", "value", "door_place"])
def test_a_column_called_as_the_engine_calls_its_own_is_refused(shipped: Policy, column: str, tier: str) -> None:
    """A planted clash, `people`, is a fault of policy that says which name, and what to do (S03)."""
    said = faults(shipped, with_column(column, tier))
    assert any(f"{column!r} is a name that the door and the gate use themselves" in what for what in said)
    assert not any("use themselves" in what for what in faults(shipped, with_column("band", tier)))


@pytest.mark.parametrize("column", sorted(ALWAYS))
def test_a_cube_may_not_call_a_figure_as_classes_and_people_are_called(shipped: Policy, column: str) -> None:
    """Cubes keep their names apart from the engine's, but for who and which class (S03)."""
    cube = cube_of(k=11).model_copy(update={"class_size": column})
    assert any("use themselves" in what for what in faults(shipped, cube))


def aliases() -> Iterator[str]:
    """Yield every name that the SQL of attacks and of rows of people gives to something."""
    rows = [SOURCES / "anonymizing" / f"{name}.py" for name in ("held_rows", "person_rows")]
    for file in [*(SOURCES / "gates" / "attacks").glob("*.py"), *rows]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
                yield from re.findall(r"\bas ([a-z][a-z0-9_]*)\b", node.value)


def test_every_name_that_an_attack_uses_is_reserved() -> None:
    """Whoever writes an attack with a new name is told to reserve it (S12)."""
    assert {name for name in aliases() if not NO_COLUMN.fullmatch(name)} <= BESIDE_LABELS


@pytest.mark.parametrize("name", ["people", "records", "value", "share", "group"])
def test_a_cube_may_call_its_columns_as_it_likes(shipped: Policy, name: str) -> None:
    """A label or a figure called as the engine's own, or as a word of SQL, is made and attacked like any other (S12)."""
    for release in (_labelled(name), _measured(name)):
        warehouse = CubeWarehouse()
        warehouse.connection.execute(
            "create or replace table restricted.anonymized_door.mart as select 's' || i as subject_id,"
            f" ['a', 'b'][1 + i % 2] as {'region' if release.measures.get(name) else chr(34) + name + chr(34)},"
            " i as amount from range(60) as r(i)"
        )
        look_back(warehouse.session, before=FIRST_NIGHT)
        warehouse.make(release)
        policy = shipped.model_copy(update={"releases": {"mart": release}, "sources": {}})
        for asked in attack_requirements(policy, "mart", Memory()):
            assert look(asked.check, warehouse.session, asked.arguments).findings == ()
        warehouse.connection.close()


def _labelled(name: str) -> Release:
    """Return a cube whose label is called so."""
    return _cube({name: {"from": "country"}}, {"total": {"from": "balance_eur", "how": "sum", "column": "amount"}})


def _measured(name: str) -> Release:
    """Return a cube whose figure is called so."""
    return _cube({"region": {"from": "country"}}, {name: {"from": "balance_eur", "how": "sum", "column": "amount"}})


def _cube(quasi_identifiers: dict[str, Any], measures: dict[str, Any]) -> Release:
    """Return a cube."""
    return cube_of(k=3).model_validate(
        {
            "title": "Cube",
            "use_case": "customer_segmentation",
            "tier": "open_cube",
            "minimum_class_size": 3,
            "maximum_suppressed": 1,
            "class_size": "customers",
            "quasi_identifiers": quasi_identifiers,
            "measures": measures,
        }
    )
