-- One row per customer whose data may be processed, with quasi-identifiers replaced by the labels of their hierarchies.
-- Consent plays no part here: what is anonymous does not change when consents do.
with night as (
    select as_of_date from {{ ref('stg_trustmart__night') }}
),
customers as (
    select
        customers.*,
        {{ age_in_years('customers.birth_date', 'night.as_of_date') }} as age_now
    from {{ ref('int_customers__deduplicated') }} as customers
    cross join night
    left join {{ ref('int_restrictions__current') }} as restrictions
        on customers.subject_id = restrictions.subject_id
    where restrictions.subject_id is null
)
select
    customers.subject_id,
    coalesce(age_bands.age_band, 'unknown') as age_band,
    coalesce(regions.region, 'unknown') as region,
    coalesce(job_groups.job_group, 'unknown') as job_group,
    customers.balance_eur,
    customers.has_housing_loan
from customers
left join {{ ref('age_bands') }} as age_bands
    on customers.age_now between age_bands.age_from and age_bands.age_to
left join {{ ref('regions') }} as regions on customers.country = regions.country
left join {{ ref('job_groups') }} as job_groups on customers.job = job_groups.job
