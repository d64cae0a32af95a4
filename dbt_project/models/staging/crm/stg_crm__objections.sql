-- One row per objection, from the CRM or from Trustmart's own front door. It counts from when we got it, at the latest.
with crm as (
    select
        subject_id,
        lower({{ tidy('scope') }}) as scope,
        least(occurred_at, _ingested_as_of) as effective_at
    from {{ source('crm', 'raw_crm__objections') }}
),
own as (
    select subject_id, lower({{ tidy('scope') }}) as scope, received_at as effective_at
    from {{ source('trustmart', 'requests') }}
    where kind = 'objection'
),
united as (
    select * from crm
    union all
    select * from own
)
select * from united
