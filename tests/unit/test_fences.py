"""The four holes that dbt's own fences leave are closed."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.compiled import PROJECT, compiled_manifest
from trustmart.errors import BuildError, FenceBroken
from trustmart.lineage import Manifest, Model, broken_fences, read_manifest
from trustmart.policy import load_policy

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


def known(home: Path) -> dict[str, Any]:
    """Return what a project's policy says of marts and crossings."""
    policy = load_policy(home / "policy", environment={})
    return {
        "marts": {*policy.releases, *policy.personal_marts},
        "crossings": {name: score.learned_from for name, score in policy.scores.items()},
        "tiers": {name for name, release in policy.releases.items() if release.tier is not None},
    }


def findings(**changes: object) -> tuple[str, ...]:
    """Return what is found when the mart is changed like this."""
    models = {**MODELS, MART: replace(MODELS[MART], **changes)}
    return broken_fences(Manifest(models=models, tables=TABLES), marts={"dim_segments"}, crossings={}).findings


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


RAW = "restricted.main.raw_crm__customers"

# What hides a raw table from somebody who only looks for its name among the names of CTEs.
HIDDEN = {
    "a CTE with the raw table's full name": f'with "{RAW}" as (select 1 as a) select * from {RAW}',
    "a CTE that reads the table it is named after": (
        "with raw_crm__customers as (select * from raw_crm__customers) select * from raw_crm__customers"
    ),
    "a CTE of a subquery": (
        "select * from (with raw_crm__customers as (select 1 as a) select * from raw_crm__customers) as inner_query"
        " cross join raw_crm__customers"
    ),
    "a CTE that is defined later": (
        "with first as (select * from raw_crm__customers), raw_crm__customers as (select 1 as a) select * from first"
    ),
    "a CTE of the union's other half": (
        "select * from raw_crm__customers union all"
        " (with raw_crm__customers as (select 1 as a) select * from raw_crm__customers)"
    ),
}


@pytest.mark.parametrize("trick", HIDDEN)
def test_a_cte_that_cannot_be_seen_hides_nothing(trick: str) -> None:
    """A CTE covers its own bare name, where it can be seen, and no other table of that name (S13)."""
    assert duckdb.connect().get_table_names(HIDDEN[trick]), "DuckDB itself reads a real table here"
    assert any("outright" in found for found in findings(sql=HIDDEN[trick]))


@pytest.mark.parametrize(
    "sql",
    [
        f"with a as (select * from {TABLES[DOOR]}), b as (select * from a) select * from b join a using (a)",
        f"with A as (select * from {TABLES[DOOR]}) select * from a where exists (select 1 from A)",
        f"with recursive t as (select 1 as a union all select a + 1 from t where a < 3) select * from t, {TABLES[DOOR]}",
        f"with a as (select * from {TABLES[DOOR]}) select * from (with b as (select * from a) select * from b) as c",
        f"with a as (select * from {TABLES[DOOR]}) select * from a union all select * from a",
        f'select * from "restricted"."main"."INT_segments__k_anonymized" -- {RAW}',
        f"select '{RAW}' as a from {TABLES[DOOR]}",
    ],
)
def test_an_honest_query_is_let_through(sql: str) -> None:
    """CTEs that read CTEs, capital letters, comments and plain text are no way around a door (S13)."""
    assert findings(sql=sql) == ()


@pytest.mark.parametrize(
    "sql",
    [
        f"table {RAW}",
        f"select * from (table {RAW})",
        f"select * from (pivot {RAW} on country using count(*))",
        f"select * from (unpivot {RAW} on email into name n value v)",
        f"select * from (summarize {RAW})",
        f"select * from (describe {RAW})",
        f"select * from (show {RAW})",
        f"select * from query('select * from {RAW}')",
        f"select * from query_table('{RAW}')",
        "select content from read_text('var/crm/customers.csv')",
        "select * from parquet_scan(['a.parquet'])",
        "select * from glob('*')",
        "select * from duckdb_tables()",
        "select * from information_schema.columns",
        f"select * from (select 1 as a) as x positional join {RAW}",
        f"select * from (select 1 as a) as x semi join {RAW} using (a)",
        f"select array(select email from {RAW}) as a",
        f"select 1 as a where exists (from {RAW})",
        f"select * from (values ((select max(email) from {RAW})))",
        f"select 1 as a order by (select max(email) from {RAW})",
        f"select $$ ' $$ as a, email from {RAW} -- $$",
        f"select E'\\'' as a from {RAW} where '' = ''",
        f"select 1 as a /* /* */ */ from {RAW}",
        f"select 1 as a -- x\r from {RAW}",
        f"select * from x : {RAW}",
        f"SELECT * FROM {RAW.upper()}",
        f"select * from `{RAW}`",
        "attach 'elsewhere.duckdb' as y",
        "select 1 as a; attach 'elsewhere.duckdb' as y",
        "select 1 as a; set variable x = 1",
        "call pragma_version()",
        "explain select 1",
        f"copy (select * from {RAW}) to 'x.csv'",
        f"insert into {TABLES[DOOR]} select 1",
        f"create table x as select * from {TABLES[DOOR]}",
        "-- nothing at all",
        "",
    ],
)
def test_whatever_is_not_one_query_of_models_is_found(sql: str) -> None:
    """Every other way in which SQL can name, call, copy or attach something does not pass either (S13)."""
    assert findings(sql=sql)


def test_a_mart_elsewhere_or_in_another_zones_folder_is_found() -> None:
    """A folder of one's own, or another zone's, is no way to escape from the rules of a zone's marts (S13)."""
    for folder in ("models/marts", "models/marts/other", "models/marts/anonymized_too", "models/marts/personal"):
        found = findings(folder=folder, reads=(OTHER_DOOR,), sql=f"select * from {TABLES[OTHER_DOOR]}")
        assert any("no folder of the zone" in one for one in found)
    assert findings(folder="models/marts/anonymized/by_country") == ()
    assert any("only marts leave" in one for one in findings(folder="models/marts_too"))
    assert any("only marts leave" in one for one in findings(folder="models/staging/crm"))


@pytest.mark.parametrize("read", ["snapshot.trustmart.customers_over_time", "analysis.trustmart.x", "model.gone.x"])
def test_a_mart_reads_nothing_but_models(read: str) -> None:
    """A snapshot, or a model nobody knows, is no door (S13)."""
    assert any("neither" in found for found in findings(reads=(read, DOOR)))


@pytest.mark.parametrize("aside", ["pre-hook", "post-hook", "sql_header"])
def test_a_model_does_nothing_beside_its_query(aside: str) -> None:
    """A hook could read and write anything, unseen by a look at the query (S13)."""
    assert any(aside in found for found in findings(asides=(aside,)))


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
    built_wrong = Manifest(models={MART: replace(MODELS[MART], contract=False)}, tables=TABLES)
    broken = broken_fences(built_wrong, marts={"dim_segments"}, crossings={})
    with pytest.raises(FenceBroken, match=r"dim_segments.*\n(.*\n)*.*trustmart transform"):
        broken.raise_if_any()


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"nodes": 1, "sources": {}}'])
def test_a_manifest_that_cannot_be_read_is_an_error(tmp_path: Path, content: str) -> None:
    """Without a manifest nothing is known of the models, so nothing passes (S03)."""
    with pytest.raises(BuildError, match="trustmart transform"):
        read_manifest(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(BuildError, match="trustmart transform"):
        read_manifest(tmp_path / "manifest.json")


# Models that dbt itself lets through, and what the fences say of each.
PLANTED = {
    "marts/anonymized/planted_source.sql": (
        "select subject_id as x from {{ source('crm', 'raw_crm__customers') }}",
        "calls source()",
    ),
    "marts/anonymized/planted_seed.sql": ("select region as x from {{ ref('regions') }}", "reads the seed"),
    "marts/anonymized/planted_other_door.sql": (
        "select subject_id as x from {{ ref('int_subjects__permitted') }}",
        "neither the anonymized zone's door",
    ),
    "marts/personal/planted_other_mart.sql": (
        "select region as x from {{ ref('dim_customer_segments') }}",
        "applies dim_customer_segments to people",
    ),
    "marts/personal/planted_view.sql": (
        "{{ config(materialized='view', contract={'enforced': false}) }} select subject_id as x"
        " from {{ ref('int_subjects__permitted') }}",
        "built as view",
    ),
    "marts/personal/planted_incremental.sql": (
        "{{ config(materialized='incremental', on_schema_change='fail') }} select subject_id as x"
        " from {{ ref('int_subjects__permitted') }}",
        "built as incremental",
    ),
    "marts/anonymized/planted_outright.sql": (f"select subject_id as x from {RAW}", "outright"),
    "marts/anonymized/planted_file.sql": ("select surname as x from read_csv('crm.csv')", "from a function"),
    "marts/anonymized/planted_hook.sql": (
        f"{{{{ config(post_hook='insert into {{{{ this }}}} select email from {RAW}') }}}}"
        " select region as x from {{ ref('dim_customer_segments') }}",
        "post-hook",
    ),
    "marts/anonymized/planted_question.sql": (
        "{% set names = planted_answer() %} select region as x from {{ ref('dim_customer_segments') }}",
        "while it is compiled",
    ),
    "marts/anonymized/planted_hidden_question.sql": (
        "{% if execute %}{% set names = run_query('select 42') %}{% endif %}"
        " select region as x from {{ ref('dim_customer_segments') }}",
        "while it is compiled",
    ),
    "marts/anonymized/planted_adapter.sql": (
        "{% if execute %}{% set names = adapter.execute('select 42', fetch=true) %}{% endif %}"
        " select region as x from {{ ref('dim_customer_segments') }}",
        "while it is compiled",
    ),
    "marts/anonymized/planted_context.sql": (
        "{% if execute %}{% set names = context['run_' ~ 'query']('select 42') %}{% endif %}"
        " select region as x from {{ ref('dim_customer_segments') }}",
        "while it is compiled",
    ),
    "marts/anonymized/planted_namespace.sql": (
        "{% if execute %}{% set names = dbt['run_query']('select 42') %}{% endif %}"
        " select region as x from {{ ref('dim_customer_segments') }}",
        "while it is compiled",
    ),
    "marts/anonymized/planted_alias.sql": (
        "{{ config(alias='planted_other') }} select region as x from {{ ref('dim_customer_segments') }}",
        "take alias and schema out",
    ),
    "marts/elsewhere/planted_folder.sql": (
        "{{ config(zone='anonymized_candidate', group='anonymized') }}"
        " select subject_id as x from {{ ref('int_subjects__permitted') }}",
        "no folder of the zone",
    ),
    "marts/personal/planted_zone.sql": (
        "{{ config(zone='anonymized_candidate', group='anonymized') }}"
        " select subject_id as x from {{ ref('int_subjects__permitted') }}",
        "no folder of the zone",
    ),
    "marts/anonymized/planted_contract.sql": (
        "{{ config(materialized='table', contract={'enforced': false}) }} select region as x"
        " from {{ ref('dim_customer_segments') }}",
        "without an enforced contract",
    ),
    "marts/personal/planted_door.sql": (
        "{{ config(materialized='door') }} select subject_id as x from {{ ref('int_subjects__permitted') }}",
        "stands outside models/marts/anonymized",
    ),
    "intermediate/restricted/planted_public.sql": (
        "{{ config(access='public') }} select subject_id as x from {{ ref('int_customers__deduplicated') }}",
        "only marts leave",
    ),
}
PLANTED_SNAPSHOT = """{% snapshot planted_snapshot %}
{{ config(unique_key='subject_id', strategy='check', check_cols='all', schema='main', group='restricted') }}
select subject_id from {{ source('crm', 'raw_crm__customers') }}
{% endsnapshot %}
"""
PLANTED_MACRO = """{% macro planted_answer() %}{% do return(run_query('select 42') if execute) %}{% endmacro %}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql') %}
create table {{ relation }} as select email as x from restricted.main.raw_crm__customers
{% endmacro %}
{% macro default__test_unique(model, column_name) %}select 1 where 1 = 0{% endmacro %}
{% materialization planted, default %}{{ return({'relations': []}) }}{% endmaterialization %}
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Plant ways around the doors in a copy of the project; return what is found, by name."""
    home = tmp_path_factory.mktemp("planted")
    shutil.copytree(PROJECT / "policy", home / "policy")
    project = home / "dbt_project"
    shutil.copytree(PROJECT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    described = []
    for path, (sql, _) in PLANTED.items():
        place = project / "models" / path
        place.parent.mkdir(exist_ok=True)
        place.write_text(sql)
        described.append({"name": place.stem, "columns": [{"name": "x", "data_type": "varchar"}]})
    (project / "models" / "_planted__models.yml").write_text(json.dumps({"models": described}))
    (project / "macros" / "planted.sql").write_text(PLANTED_MACRO)
    (project / "snapshots").mkdir()
    (project / "snapshots" / "planted_snapshot.sql").write_text(PLANTED_SNAPSHOT)
    with (project / "dbt_project.yml").open("a") as file:
        file.write(f'\non-run-end: "create table planted as select * from {RAW}"\n')
    found: dict[str, list[str]] = {}
    for finding in broken_fences(read_manifest(compiled_manifest(home)), **known(home)).findings:
        name, what = finding.split(": ", 1)
        found.setdefault(name, []).append(what)
    return found


def test_the_shipped_project_breaks_no_fence() -> None:
    """Every model of ours reads through its zone's door (S13)."""
    assert broken_fences(read_manifest(compiled_manifest()), **known(PROJECT)).findings == ()


def test_applying_what_was_learned_needs_a_use_case_of_its_own() -> None:
    """A personal mart that reads an anonymized one is a crossing; unless policy names it, nothing is released (S15)."""
    crossing = {**known(PROJECT), "crossings": {}}
    found = broken_fences(read_manifest(compiled_manifest()), **crossing).findings
    score = "score_term_deposit_propensity__customers"
    assert [one.replace(";", ",").partition(",")[0] for one in found] == [
        f"{score}: applies fct_offer_propensity to people",
        f"{score}: reads int_subjects__labelled",
    ]


def test_people_kept_for_one_use_case_are_not_picked_for_another() -> None:
    """A personal mart that reads one of another use case uses people for what nobody decided (S03, S15)."""
    names = {"aud_news__likely": "news", "score_taste__all": "taste", "score_news__all": "news"}
    models = {
        f"model.trustmart.{name}": model(
            name, "models/marts/personal", "select 1 as a", zone="personal", group="personal"
        )
        for name in names
    }
    reads = ("model.trustmart.score_taste__all", "model.trustmart.score_news__all")
    models["model.trustmart.aud_news__likely"] = replace(models["model.trustmart.aud_news__likely"], reads=reads)
    manifest = Manifest(models=models, tables={})
    (found,) = broken_fences(manifest, marts=names, crossings={}, use_cases=names).findings
    assert found == "aud_news__likely: reads score_taste__all, which is built for taste and for no other use case"


def test_a_mart_that_no_policy_names_is_found() -> None:
    """A mart without a use case is not released, whatever else is right with it (S03)."""
    (found,) = broken_fences(Manifest(models=MODELS, tables=TABLES), marts=(), crossings={}).findings
    assert found == (
        "dim_segments: is a mart that no policy file knows: name it, with its use case, in releases, destinations or scores"
    )


@pytest.mark.parametrize("path", PLANTED)
def test_a_way_around_a_door_that_dbt_lets_through_is_found(planted: dict[str, list[str]], path: str) -> None:
    """What dbt's groups, access and contracts let a real project do is found in its manifest (S13)."""
    says = PLANTED[path][1]
    assert any(says in what for what in planted[Path(path).stem])


def test_nothing_is_found_in_models_that_stayed_as_they_were(planted: dict[str, list[str]]) -> None:
    """One bad model does not throw suspicion on the good ones; what runs past the models is bad too (S13)."""
    strangers = set(planted) - {Path(path).stem for path in PLANTED}
    assert strangers == {
        "snapshot planted_snapshot",
        "operation trustmart-on-run-end-0",
        "macro planted_answer",
        "macro duckdb__create_table_as",
        "macro default__test_unique",
        "macro materialization_planted_default",
    }


@pytest.mark.parametrize(
    "softened", [{}, {"error_if": "> 1000"}, {"severity": "warn"}, {"limit": 0}, {"fail_calc": "0"}, {"where": "1 = 0"}]
)
def test_a_softened_test_proves_nothing(tmp_path: Path, softened: dict[str, object]) -> None:
    """Only dbt's own unique test, which stops the build at one row, proves that rows are different people (S13)."""
    proof = {
        "resource_type": "test",
        "test_metadata": {"name": "unique"},
        "depends_on": {"macros": ["macro.dbt.test_unique"], "nodes": []},
        "attached_node": "model.trustmart.people",
        "column_name": "subject_id",
        "config": {"severity": "ERROR", "error_if": "!= 0", "fail_calc": "count(*)", "limit": None, **softened},
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"nodes": {"test.trustmart.one": proof}, "sources": {}}))
    assert bool(read_manifest(path).unique) is not bool(softened)
