-- Customers by segment. The door counts them: policy/releases.yml.
select subject_id, age_band, region, job_group, balance_eur, has_housing_loan
from {{ ref('int_customers__anonymizable') }}
