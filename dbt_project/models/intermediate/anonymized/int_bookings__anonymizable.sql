-- The door: one row per booking of a customer whose data may be processed, as of the night; not what it was for.
with night as (
    select as_of from {{ ref('stg_trustmart__night') }}
)
select
    transactions.subject_id,
    cast({{ dbt.date_trunc('month', 'transactions.booked_at') }} as date) as month,
    customers.age_band,
    customers.region,
    transactions.booked_at
from {{ ref('stg_crm__transactions') }} as transactions
cross join night
inner join {{ ref('int_customers__generalized') }} as customers on transactions.subject_id = customers.subject_id
where transactions.booked_at <= night.as_of
