-- One row per month, segment and spending group.
with transactions as (
    select * from {{ ref('int_transactions__k_anonymized') }}
)
select
    month,
    age_band,
    region,
    spending_group,
    cast(customers as bigint) as customers,
    cast(transactions as bigint) as transactions,
    cast(total_amount_eur as bigint) as total_amount_eur
from transactions
