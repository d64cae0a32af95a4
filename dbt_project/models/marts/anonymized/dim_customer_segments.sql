-- One row per segment of customers.
with segments as (
    select * from {{ ref('int_customer_segments__k_anonymized') }}
)
select
    age_band,
    region,
    job_group,
    cast(customers as bigint) as customers,
    cast(average_balance_eur as bigint) as average_balance_eur,
    cast(share_with_housing_loan as decimal(4, 2)) as share_with_housing_loan
from segments
