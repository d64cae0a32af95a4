-- One row per objection: one customer in twenty-five.
select
    'O' || o as objection_id,
    customer_id(nth_customer(o, 'objectors')) as customer_id,
    [
        'direct_marketing', 'profiling', 'loan_offers', 'direct_marketing', 'direct_marketing', 'profiling',
        'direct_marketing', 'direct_marketing', 'loan_offers', 'direct_marketing'
    ][1 + o % 10] as scope,
    ['branch', 'web', 'email'][1 + below(o, 'objection channel', 3)] as channel,
    clock(as_of_seconds() - 60 * (1 + below(o, 'objected at', 688 * 1440))) || 'Z' as occurred_at
from range(getvariable('first'), getvariable('last')) as objections(o)
