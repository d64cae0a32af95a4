"""dbt's models and what each is built from, written by `python -m trustmart_airflow.nodes_from_dbt`."""

PARENTS: dict[str, tuple[str, ...]] = {
    "aud_email_marketing__active_customers": ("int_subjects__permitted",),
    "aud_insurance_cross_sell__home_owners": ("int_subjects__permitted",),
    "aud_loan_offers__good_standing": ("int_subjects__permitted",),
    "dim_customer_clusters": ("dim_customer_profiles",),
    "dim_customer_profiles": ("int_customers__anonymizable",),
    "dim_customer_segments": ("int_customers__anonymizable",),
    "fct_active_customers_by_month": ("int_bookings__anonymizable",),
    "fct_campaign_outcomes_by_segment": ("int_interactions__anonymizable",),
    "fct_offer_profiles": (
        "int_customers__anonymizable",
        "int_interactions__anonymizable",
    ),
    "fct_offer_propensity": ("fct_offer_profiles",),
    "fct_transactions_by_segment": ("int_transactions__anonymizable",),
    "int_bookings__anonymizable": (
        "int_customers__generalized",
        "stg_crm__transactions",
        "stg_trustmart__night",
    ),
    "int_consents__folded": (
        "stg_crm__consent_events",
        "stg_trustmart__night",
    ),
    "int_customers__anonymizable": (
        "int_customers__deduplicated",
        "int_customers__generalized",
    ),
    "int_customers__deduplicated": (
        "stg_crm__customers",
        "stg_trustmart__night",
    ),
    "int_customers__generalized": (
        "int_customers__deduplicated",
        "int_restrictions__current",
        "stg_trustmart__night",
    ),
    "int_interactions__anonymizable": (
        "int_customers__generalized",
        "stg_crm__interactions",
        "stg_trustmart__night",
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
    "int_subjects__labelled": ("int_subjects__permitted",),
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
    "int_transactions__anonymizable": (
        "int_customers__generalized",
        "stg_crm__transactions",
        "stg_trustmart__night",
    ),
    "score_term_deposit_propensity__customers": (
        "fct_offer_propensity",
        "int_subjects__labelled",
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
