"""dbt's models and what each is built from, written by `python -m trustmart_airflow.nodes_from_dbt`."""

PARENTS: dict[str, tuple[str, ...]] = {
    "aud_email_marketing__active_customers": ("int_subjects__permitted",),
    "aud_insurance_cross_sell__home_owners": ("int_subjects__permitted",),
    "aud_loan_offers__good_standing": ("int_subjects__permitted",),
    "dim_customer_segments": ("int_customer_segments__k_anonymized",),
    "fct_campaign_outcomes_by_segment": ("int_campaign_outcomes__k_anonymized",),
    "fct_transactions_by_segment": ("int_transactions__k_anonymized",),
    "int_campaign_outcomes__k_anonymized": ("int_interactions__classed",),
    "int_consents__folded": (
        "stg_crm__consent_events",
        "stg_trustmart__night",
    ),
    "int_customer_segments__k_anonymized": ("int_customers__classed",),
    "int_customers__classed": ("int_customers__generalized",),
    "int_customers__deduplicated": (
        "stg_crm__customers",
        "stg_trustmart__night",
    ),
    "int_customers__generalized": (
        "int_customers__deduplicated",
        "int_restrictions__current",
        "stg_trustmart__night",
    ),
    "int_interactions__classed": (
        "int_customers__generalized",
        "stg_crm__interactions",
        "stg_trustmart__night",
    ),
    "int_marts__suppressed": (
        "int_customers__classed",
        "int_interactions__classed",
        "int_transactions__classed",
    ),
    "int_objections__current": (
        "stg_crm__objections",
        "stg_trustmart__night",
    ),
    "int_restrictions__current": (
        "stg_crm__privacy_requests",
        "stg_trustmart__night",
    ),
    "int_subject_use_cases__decided": (
        "int_consents__folded",
        "int_customers__deduplicated",
        "int_objections__current",
        "int_restrictions__current",
        "stg_trustmart__erased_mailboxes",
        "stg_trustmart__night",
    ),
    "int_subjects__permitted": (
        "int_customers__deduplicated",
        "int_customers__generalized",
        "int_subject_use_cases__decided",
    ),
    "int_subjects__standing": (
        "int_consents__folded",
        "int_customers__deduplicated",
        "int_objections__current",
        "int_restrictions__current",
    ),
    "int_transactions__classed": (
        "int_customers__generalized",
        "stg_crm__transactions",
        "stg_trustmart__night",
    ),
    "int_transactions__k_anonymized": ("int_transactions__classed",),
    "score_term_deposit_propensity__customers": (
        "fct_campaign_outcomes_by_segment",
        "int_subjects__permitted",
    ),
    "stg_crm__consent_events": (),
    "stg_crm__customers": (),
    "stg_crm__interactions": (),
    "stg_crm__objections": (),
    "stg_crm__privacy_requests": (),
    "stg_crm__transactions": (),
    "stg_trustmart__erased_mailboxes": (),
    "stg_trustmart__night": (),
}
