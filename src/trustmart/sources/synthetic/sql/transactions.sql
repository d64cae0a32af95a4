-- One row per booking: about five for each customer, in the hundred and ten days up to two days before the export.
with bookings as (
    select
        t,
        below(t, 'account holder', getvariable('customers')) as i,
        1 + below(t, 'merchant category', 10) as category,
        -- The booking's own minute never overtakes the next booking's.
        floor((t + share(t, 'booked at')) * 110 * 1440 / (5 * getvariable('customers')))::bigint as minute
    from range(getvariable('first'), getvariable('last')) as bookings(t)
)
select
    'T' || t as transaction_id,
    customer_id(i) as customer_id,
    clock(as_of_seconds() - 111 * 86400 + 60 * minute) || 'Z' as booked_at,
    round(
        [2100, -850, -48, -32, -55, -18, -24, -29, -160, -12][category]
        * case when category = 1 then getvariable('job_wealth')[job_of(i)] else 1 end
        -- One payment in eight is a refund.
        * case when category > 1 and below(t, 'refund', 8) = 0 then -0.6 else 1 end
        * exp([0.2, 0.3, 0.8, 0.6, 0.5, 0.7, 0.8, 0.9, 1.0, 0.3][category] * bell(t, 'amount')), 2
    ) as amount_eur,
    [
        'salary', 'rent', 'grocery', 'restaurants', 'fuel', 'pharmacy', 'charity', 'online_retail', 'travel',
        'union_fee'
    ][category] as merchant_category,
    memo
from bookings
left join memos using (t)
order by t
