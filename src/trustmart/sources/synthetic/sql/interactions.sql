-- One row per customer: the last contact of the term-deposit campaign. Campaigns come in monthly waves.
with contacts as (
    select
        i,
        share(i, 'contact channel') as channel_share,
        share(i, 'previous outcome') as outcome_share,
        case
            when share(i, 'wave') < 0.005 then 0 when share(i, 'wave') < 0.036 then 30
            when share(i, 'wave') < 0.094 then 60 when share(i, 'wave') < 0.105 then 90
            when share(i, 'wave') < 0.170 then 120 when share(i, 'wave') < 0.474 then 150
            when share(i, 'wave') < 0.592 then 180 when share(i, 'wave') < 0.745 then 210
            when share(i, 'wave') < 0.883 then 240 when share(i, 'wave') < 0.896 then 270
            when share(i, 'wave') < 0.912 then 300 else 330
        end as wave_day
    from range(getvariable('first'), getvariable('last')) as everyone(i)
),
remembered as (
    select
        *,
        case
            when channel_share < 0.648 then 'mobile_phone' when channel_share < 0.936 then 'unknown' else 'landline'
        end as channel,
        case
            when outcome_share < 0.817 then 'unknown' when outcome_share < 0.925 then 'failure'
            when outcome_share < 0.966 then 'other' else 'success'
        end as previous_outcome,
        as_of_seconds() + (wave_day - 354 + below(i, 'contact day', 30)) * 86400
        + 8 * 3600 + 60 * below(i, 'contact minute', 720) as occurred_at
    from contacts
),
decided as (
    select
        *,
        share(i, 'conversion')
        < case previous_outcome when 'success' then 0.62 when 'other' then 0.165 when 'failure' then 0.125 else 0.09 end
        * case channel when 'unknown' then 0.5 else 1.2 end
        * case when getvariable('job')[job_of(i)] in ('student', 'retired') then 1.5 else 0.96 end as is_converted
    from remembered
)
select
    'I' || i as interaction_id,
    customer_id(i) as customer_id,
    'term_deposit_' || year(getvariable('as_of')) as campaign,
    channel,
    clock(occurred_at) || 'Z' as occurred_at,
    round(165 * exp(0.85 * bell(i, 'duration')) * case when is_converted then 2.6 else 1 end)::integer
        as duration_seconds,
    1 + floor(-2 * ln(share(i, 'attempts')))::integer as attempts,
    case when previous_outcome = 'unknown' then -1 else 1 + below(i, 'days since', 370) end::integer
        as days_since_previous,
    case when previous_outcome = 'unknown' then 0 else 1 + floor(-2.2 * ln(share(i, 'previous attempts'))) end::integer
        as previous_attempts,
    previous_outcome,
    yes_no(is_converted) as converted,
    case when is_converted then round(105 * exp(0.5 * bell(i, 'value')), 2) else 0.0 end::double as value_eur
from decided
