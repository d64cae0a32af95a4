-- One row per person and purpose somebody has decided on: the state at the night's instant and the event that proves it.
with night as (
    select as_of from {{ ref('stg_trustmart__night') }}
),
purposes as (
    {{ policy_purposes() }}
),
decisions as (
    select events.*
    from {{ ref('stg_crm__consent_events') }} as events
    cross join night
    where events.effective_at <= night.as_of
),
numbered as (
    select
        *,
        -- The newest date counts; at the same instant a no beats a yes. The rest only settles ties.
        row_number() over (
            partition by subject_id, purpose
            order by
                occurred_at desc, is_grant asc, event_id_crm desc, action desc, valid_for_days asc nulls last,
                ingested_as_of asc
        ) as decision_number
    from decisions
),
newest as (
    -- A hundred years at most: a validity beyond every calendar would stop the night.
    select
        numbered.*,
        {{ dbt.dateadd(
            'day',
            'greatest(0, least(36500, coalesce('
                ~ 'least(numbered.valid_for_days, purposes.valid_for_days),'
                ~ ' numbered.valid_for_days, purposes.valid_for_days, 0)))',
            'numbered.effective_at'
        ) }} as runs_out_at
    from numbered
    left join purposes on numbered.purpose = purposes.purpose
    where numbered.decision_number = 1
)
select
    newest.subject_id,
    newest.purpose,
    case
        when newest.is_grant and night.as_of < newest.runs_out_at then 'granted'
        when newest.is_grant then 'expired'
        when newest.action = 'withdrawn' then 'withdrawn'
        else 'denied'
    end as state,
    newest.effective_at as decided_at,
    case when newest.is_grant then newest.runs_out_at end as expires_at,
    newest.event_id_crm as evidence_event_id
from newest
cross join night
