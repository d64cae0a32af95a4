-- One row per delivered consent event, in the order received.
with steps as (
    select *, event // 4 as ask, 1 + (event // 4) % 4 as purpose_number
    from consent_steps
    -- The table lies in the order received.
    where rowid >= getvariable('first') and rowid < getvariable('last')
),
worded as (
    select
        *,
        [
            'email_marketing', 'ad_personalization', 'insurance_cross_sell', 'partner_credit_score'
        ][purpose_number] as purpose
    from steps
)
select
    'E' || event as event_id,
    case
        when is_dirty(ask, 'unknown_customer') then getvariable('unknown_customer')
        else customer_id(ask // 4)
    end as customer_id,
    purpose,
    ['requested', 'given', 'refused', 'withdrawn'][1 + action] as action,
    [
        'web', 'web', 'web', 'web', 'app', 'app', 'app', 'email', 'branch', 'call_centre'
    ][1 + below(ask, 'consent channel', 10)] as channel,
    -- The clock is right, the offset is whatever the sending system was set to.
    clock(occurred_at) || case
        when share(event, 'offset') < 0.60 then 'Z'
        when share(event, 'offset') < 0.75 then '+01:00'
        when share(event, 'offset') < 0.90 then '+02:00'
        when share(event, 'offset') < 0.95 then '+00:00'
        else '-05:00'
    end as occurred_at,
    clock(received_at) || 'Z' as received_at,
    purpose || case when occurred_at < as_of_seconds() - 323 * 86400 then '-v1' else '-v2' end as notice_version,
    ['pt', 'en', 'de'][1 + below(event, 'notice language', 3)] as notice_language,
    ['A', 'B'][1 + below(ask, 'variant', 2)] as variant,
    [730, 390, 365, 180][purpose_number] as valid_for_days
from worded
