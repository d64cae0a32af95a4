"""The four holes that dbt's own fences leave are closed."""

from dataclasses import replace

import pytest

from trustmart.errors import FenceBroken
from trustmart.lineage import Manifest, Model, broken_fences

DOOR = "model.trustmart.int_segments__k_anonymized"
OTHER_DOOR = "model.trustmart.int_subjects__permitted"
MART = "model.trustmart.dim_segments"

TABLES = {
    DOOR: "restricted.main.int_segments__k_anonymized",
    OTHER_DOOR: "restricted.main.int_subjects__permitted",
    MART: "restricted.anonymized_candidate.dim_segments",
    "source.trustmart.crm.raw_crm__customers": "restricted.main.raw_crm__customers",
    "seed.trustmart.regions": "restricted.main.regions",
}


def model(name: str, folder: str, sql: str, *reads: str, **facts: object) -> Model:
    """Return a model the way the manifest has it."""
    is_mart = folder.startswith("models/marts")
    given = {
        "zone": "anonymized_candidate" if is_mart else "restricted",
        "group": "anonymized" if is_mart else "restricted",
        "access": "public" if is_mart else "protected",
        "contract": is_mart,
        **facts,
    }
    return Model(name=name, folder=folder, sql=sql, reads=reads, columns=(), **given)  # type: ignore[arg-type]


MODELS = {
    DOOR: model("int_segments__k_anonymized", "models/intermediate/anonymized", "select 1 as a"),
    OTHER_DOOR: model("int_subjects__permitted", "models/intermediate/personal", "select 1 as a"),
    MART: model(
        "dim_segments",
        "models/marts/anonymized",
        f"with segments as (select * from {TABLES[DOOR]}) select a from segments",
        DOOR,
    ),
}


def findings(**changes: object) -> tuple[str, ...]:
    """Return what is found when the mart is changed like this."""
    models = {**MODELS, MART: replace(MODELS[MART], **changes)}
    return broken_fences(Manifest(models=models, tables=TABLES)).findings


def test_a_mart_that_reads_its_door_is_let_through() -> None:
    """A well-built project breaks no fence (S13)."""
    assert findings() == ()


@pytest.mark.parametrize(
    ("read", "says"),
    [
        ("source.trustmart.crm.raw_crm__customers", "calls source()"),
        ("seed.trustmart.regions", "reads the seed"),
        (OTHER_DOOR, "neither the anonymized zone's door"),
    ],
)
def test_three_holes_of_refs_are_closed(read: str, says: str) -> None:
    """source(), a seed and the other zone's door are no way into a mart (S13)."""
    (found,) = findings(reads=(read,), sql=f"select * from {TABLES[read]}")
    assert says in found


@pytest.mark.parametrize(
    "sql",
    [
        "select * from restricted.main.raw_crm__customers",
        'select * from "restricted"."main"."raw_crm__customers"',
        "select * from raw_crm__customers",
        f"select a from {TABLES[DOOR]} where a in (select subject_id from restricted.main.raw_crm__customers)",
        f"select a from {TABLES[DOOR]} union all select 1 from restricted.main.raw_crm__customers",
        f"with d as (select * from {TABLES[DOOR]}) select (select max(email) from restricted.raw_crm__customers) from d",
        "select * from read_csv('var/crm/customers.csv')",
        "select * from 'var/crm/customers.csv'",
        "from restricted.main.raw_crm__customers",
        f"select * from {TABLES[DOOR]}, lateral (select email from restricted.main.raw_crm__customers)",
        "with d as (select 1 as a) select * from d; select * from restricted.main.raw_crm__customers",
    ],
)
def test_a_table_named_outright_is_found(sql: str) -> None:
    """However it is written, a table that dbt was not told of is a way around the door (S13)."""
    assert any("outright" in found or "from a function" in found for found in findings(sql=sql))


def test_a_cte_does_not_hide_a_table_of_the_same_name() -> None:
    """Naming a CTE like a raw table does not make the raw table's full name harmless (S13)."""
    sql = "with raw_crm__customers as (select 1 as a) select * from restricted.main.raw_crm__customers"
    assert findings(sql=sql)


@pytest.mark.parametrize(("sql", "says"), [(None, "no compiled SQL"), ("select ((", "cannot be parsed")])
def test_what_cannot_be_read_is_held(sql: str | None, says: str) -> None:
    """A model whose reading cannot be determined does not pass (S03)."""
    assert any(says in found for found in findings(sql=sql))


def test_marts_have_contracts_and_zones() -> None:
    """A mart without a contract, or outside every zone, does not pass (S03)."""
    assert any("without an enforced contract" in found for found in findings(contract=False))
    assert any("outside every zone" in found for found in findings(zone=""))


def test_broken_fences_say_what_to_do() -> None:
    """The error names the models and the next command (S03)."""
    broken = broken_fences(Manifest(models={MART: replace(MODELS[MART], contract=False)}, tables=TABLES))
    with pytest.raises(FenceBroken, match=r"dim_segments.*\n(.*\n)*.*trustmart transform"):
        broken.raise_if_any()
