-- The door: one row per customer whose data may be processed. Coarse labels beside the raw columns that the door generalizes.
select
    generalized.subject_id,
    generalized.age_band,
    generalized.region,
    generalized.job_group,
    customers.birth_date,
    customers.country,
    customers.job,
    customers.marital_status,
    customers.education,
    customers.customer_since_date,
    customers.balance_eur,
    customers.has_housing_loan,
    customers.has_personal_loan
from {{ ref('int_customers__generalized') }} as generalized
inner join {{ ref('int_customers__deduplicated') }} as customers on generalized.subject_id = customers.subject_id
