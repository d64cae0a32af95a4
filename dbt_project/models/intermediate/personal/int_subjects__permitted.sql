-- The door: one row per person and use case that is permitted tonight, with its legal basis and the event that proves it.
with decided as (
    select * from {{ ref('int_subject_use_cases__decided') }}
    where reason = 'permitted'
),
customers as (
    select * from {{ ref('int_customers__deduplicated') }}
)
select
    decided.subject_id,
    decided.use_case,
    decided.purpose,
    decided.legal_basis,
    decided.evidence_event_id,
    decided.decided_at,
    decided.expires_at as permitted_until,
    customers.email_normalized,
    customers.given_name,
    customers.surname,
    customers.street,
    customers.postcode,
    customers.city,
    customers.country,
    customers.birth_date,
    customers.marital_status,
    customers.education,
    customers.has_housing_loan,
    customers.has_personal_loan,
    customers.is_in_default,
    generalized.age_band,
    generalized.region
from decided
inner join customers on decided.subject_id = customers.subject_id
left join {{ ref('int_customers__generalized') }} as generalized on decided.subject_id = generalized.subject_id
