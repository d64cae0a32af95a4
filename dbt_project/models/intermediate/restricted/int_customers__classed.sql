-- One row per segment of customers, rare ones included: class size and measures.
with customers as (
    select * from {{ ref('int_customers__generalized') }}
)
select
    age_band,
    region,
    job_group,
    count(*) as customers,
    {{ round_to('avg(balance_eur)', 50) }} as average_balance_eur,
    {{ coarse_share('count(case when has_housing_loan then 1 end)', 'count(*)') }} as share_with_housing_loan
from customers
group by age_band, region, job_group
