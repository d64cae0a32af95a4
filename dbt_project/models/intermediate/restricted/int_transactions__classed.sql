-- One row per month, segment and spending group, rare ones included: class size and measures.
with night as (
    select as_of from {{ ref('stg_trustmart__night') }}
),
transactions as (
    select
        transactions.subject_id,
        transactions.amount_eur,
        cast({{ dbt.date_trunc('month', 'transactions.booked_at') }} as date) as month,
        coalesce(spending_groups.spending_group, 'unknown') as spending_group
    from {{ ref('stg_crm__transactions') }} as transactions
    cross join night
    left join {{ ref('spending_groups') }} as spending_groups
        on transactions.merchant_category = spending_groups.merchant_category
    where transactions.booked_at <= night.as_of
)
select
    transactions.month,
    customers.age_band,
    customers.region,
    transactions.spending_group,
    count(distinct transactions.subject_id) as customers,
    count(*) as transactions,
    {{ round_to('sum(transactions.amount_eur)', 100) }} as total_amount_eur
from transactions
inner join {{ ref('int_customers__generalized') }} as customers
    on transactions.subject_id = customers.subject_id
group by transactions.month, customers.age_band, customers.region, transactions.spending_group
