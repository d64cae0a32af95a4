-- The door: one row per booking of a customer whose data may be processed, as of the night.
with night as (
    select as_of from {{ ref('stg_trustmart__night') }}
)
select
    transactions.subject_id,
    cast({{ dbt.date_trunc('month', 'transactions.booked_at') }} as date) as month,
    customers.age_band,
    customers.region,
    coalesce(spending_groups.spending_group, 'unknown') as spending_group,
    transactions.booked_at,
    transactions.amount_eur
from {{ ref('stg_crm__transactions') }} as transactions
cross join night
inner join {{ ref('int_customers__generalized') }} as customers on transactions.subject_id = customers.subject_id
left join {{ ref('spending_groups') }} as spending_groups
    on transactions.merchant_category = spending_groups.merchant_category
where transactions.booked_at <= night.as_of
