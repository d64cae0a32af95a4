select age_band, country, job, count(*) as customers, avg(balance_eur) as average_balance_eur,
    avg(case when has_housing_loan then 1.0 else 0 end) as share_with_housing_loan
from {{ ref('customers') }} group by all
