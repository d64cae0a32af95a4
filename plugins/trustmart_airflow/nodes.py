"""dbt's models and what each is built from, written by `python -m trustmart_airflow.nodes_from_dbt`."""

PARENTS: dict[str, tuple[str, ...]] = {
    "stg_crm__customers": (),
    "int_customers__deduplicated": ("stg_crm__customers",),
    "dim_customer_segments": ("int_customers__deduplicated",),
}
