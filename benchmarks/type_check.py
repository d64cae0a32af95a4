"""How long the privacy type check takes on a project of 500 models: `python benchmarks/type_check.py`."""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from trustmart.lineage import Manifest, Model, check_types
from trustmart.policy import load_policy

PROJECT = Path(__file__).resolve().parents[1]
RAW = "restricted.main.raw_crm__customers"


def chain(number: int) -> dict[str, Model]:
    """Return ten models that read each other as a real project's do: staging, joins, windows, classes."""
    name = f"chain_{number}"
    hashes = ",\n".join(f"    md5(c.email || '{place}') as token_{place}" for place in range(10))
    steps = [
        f"with source as (select * from {RAW}), renamed as (select subject_id, nullif(trim(email), '') as email,"
        " birth_date, upper(country) as country, balance_eur, has_housing_loan, updated_at from source)"
        " select * from renamed",
        "with versions as (select * from {before}), numbered as (select *, row_number() over"
        " (partition by subject_id order by updated_at desc) as version from versions) select * exclude"
        " (version) from numbered where version = 1",
        f"select c.*,\n{hashes}\nfrom {{before}} as c",
        "select a.*, case when a.balance_eur > 1000 then 'rich' when a.balance_eur > 0 then 'fair' else 'poor' end"
        " as band from {before} as a left join {before} as b on a.subject_id = b.subject_id where"
        " b.subject_id is not null",
        "select *, avg(balance_eur) over (partition by country) as mean_of_country from {before}",
        "select * from {before} where exists (select 1 from {before} as b where b.subject_id = subject_id)",
        "select subject_id, country, band, balance_eur, has_housing_loan, extract(year from birth_date) as birth_year,"
        " coalesce(token_1, token_2, token_3) as token from {before} union all"
        " select subject_id, country, band, balance_eur, has_housing_loan, 0, 'none' from {before}",
        "select country, band, birth_year, count(distinct subject_id) as customers,"
        " avg(balance_eur) as average_balance_eur, count(case when has_housing_loan then 1 end) /"
        " count(*) as share from {before} group by all",
        "select * from {before} where customers >= 11",
        "select band, sum(average_balance_eur * customers) / sum(customers) as mean from {before} group by band",
    ]
    models = {}
    for place, sql in enumerate(steps):
        before = f"model.bench.{name}_{place - 1}" if place else "source.bench.crm.raw_crm__customers"
        table = f"restricted.main.{name}_{place - 1}"
        models[f"model.bench.{name}_{place}"] = Model(
            name=f"{name}_{place}",
            zone="restricted",
            folder="models/intermediate/restricted",
            group="restricted",
            access="private",
            contract=False,
            reads=(before,),
            sql=sql.replace("{before}", table),
            columns=(),
        )
    return models


def project(size: int) -> Manifest:
    """Return a project of so many models."""
    models = {key: model for number in range(size // 10) for key, model in chain(number).items()}
    tables = {key: f"restricted.main.{model.name}" for key, model in models.items()}
    return Manifest(models=models, tables={**tables, "source.bench.crm.raw_crm__customers": RAW})


def main() -> int:
    """Measure, and print; 1 where the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", type=float, default=10.0, help="seconds")
    options = parser.parse_args()
    policy = load_policy(PROJECT / "policy", environment={})
    manifest, seconds = project(options.models), []
    for _ in range(options.runs):
        began = time.perf_counter()
        report = check_types(manifest, policy)
        seconds.append(time.perf_counter() - began)
    columns = sum(len(relation.columns) for relation in report.types.relations.values())
    measured = {
        "models": len(manifest.models),
        "columns": columns,
        "undetermined": len(report.types.undetermined),
        "seconds_median": round(statistics.median(seconds), 2),
        "seconds_worst": round(max(seconds), 2),
        "limit": options.limit,
    }
    print(json.dumps(measured, indent=1))
    return 0 if max(seconds) < options.limit and not report.types.undetermined else 1


if __name__ == "__main__":
    sys.exit(main())
