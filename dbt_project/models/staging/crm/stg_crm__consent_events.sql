-- One row per consent event that decides something, with the instant from which it counts.
-- Only `given` says yes, whatever else is a no. A yes counts from its date; a no counts from when we got it, at the latest.
with source as (
    select * from {{ source('crm', 'raw_crm__consent_events') }}
),
renamed as (
    select
        event_id_crm,
        subject_id,

        lower({{ tidy('purpose') }}) as purpose,
        coalesce(lower({{ tidy('action') }}), 'unknown') as action,
        coalesce(lower({{ tidy('action') }}) = 'given', false) as is_grant,

        valid_for_days,

        occurred_at,
        _ingested_as_of as ingested_as_of
    from source
)
select
    *,
    case when is_grant then occurred_at else least(occurred_at, ingested_as_of) end as effective_at
from renamed
where action <> 'requested'
