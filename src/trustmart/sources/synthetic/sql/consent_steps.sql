-- The consent events by number and instant only, in the order they were received: this is what gets sorted.
-- Event number = (customer * 4 + purpose) * 4 + step; steps: 0 requested, 1 answered, 2 withdrawn, 3 given again.
create or replace temp table consent_steps as
with requested as (
    select
        ask,
        1 + ask % 4 as purpose,
        below(ask, 'variant', 2) as variant,
        as_of_seconds() - 902 * 86400 + 60 * below(ask, 'requested at', 888 * 1440) as requested_at
    from range(4 * getvariable('customers')) as asks(ask)
    where share(ask, 'asked') < 0.604
),
answered as (
    select
        *,
        share(ask, 'answer')
        < [0.485, 0.304, 0.245, 0.128][purpose] * case when variant = 1 then 1.15 else 0.85 end as is_given,
        share(ask, 'answer') > 1 - [0.155, 0.207, 0.226, 0.259][purpose] as is_silent
    from requested
),
dated as (
    select
        ask, requested_at, is_given, is_silent,
        requested_at + case when is_given then 5 + below(ask, 'thinking time', 900) else 30 end as answered_at,
        is_given and share(ask, 'withdrawal') < 0.077 as is_withdrawn
    from answered
),
withdrawn as (
    select
        *,
        -- Some of these dates lie in the future: nobody checked them.
        answered_at + 60 * (1440 + below(ask, 'withdrawn after', 299 * 1440)) as withdrawn_at,
        is_withdrawn and share(ask, 'second thoughts') < 0.147 as is_given_again
    from dated
),
steps as (
    select ask * 4 as event, 0 as action, requested_at as occurred_at from withdrawn
    union all
    select ask * 4 + 1, case when is_given then 1 else 2 end, answered_at from withdrawn where not is_silent
    union all
    select ask * 4 + 2, 3, withdrawn_at from withdrawn where is_withdrawn
    union all
    select ask * 4 + 3, 1, withdrawn_at + 3 * 86400 from withdrawn where is_given_again
),
delivered as (
    select
        event, action::utinyint as action, occurred_at,
        occurred_at + 3600 * floor(-8 * ln(share(event, 'delay')))::bigint as received_at,
        case when is_dirty(event, 'redelivered_event') then [1, 2] else [1] end as deliveries
    from steps
)
select event, action, occurred_at, received_at, unnest(deliveries)::utinyint as delivery
from delivered
order by received_at, event, delivery;
