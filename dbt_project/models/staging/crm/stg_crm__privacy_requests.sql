-- One row per request of a data subject, from the CRM or from Trustmart's own front door.
with crm as (
    select
        subject_id,
        coalesce(lower({{ tidy('kind') }}), 'unknown') as kind,
        least(received_at, _ingested_as_of) as effective_at
    from {{ source('crm', 'raw_crm__privacy_requests') }}
),
own as (
    select subject_id, kind, received_at as effective_at
    from {{ source('trustmart', 'requests') }}
    where kind <> 'objection'
),
united as (
    select * from crm
    union all
    select * from own
)
select * from united
