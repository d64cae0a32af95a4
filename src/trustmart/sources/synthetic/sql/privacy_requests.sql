-- One row per request of a data subject, of every kind.
select
    'R' || r as request_id,
    customer_id(nth_customer(r, 'requesters')) as customer_id,
    [
        'access', 'restriction', 'erasure', 'access', 'portability', 'access', 'erasure', 'rectification', 'access',
        'access', 'erasure', 'access'
    ][1 + r % 12] as kind,
    clock(as_of_seconds() - 60 * (1 + below(r, 'request received at', 19 * 1440))) || 'Z' as received_at
from range(getvariable('first'), getvariable('last')) as requests(r)
