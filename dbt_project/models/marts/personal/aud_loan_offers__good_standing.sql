-- One row per customer with a loan and no default, whom we may write to about better terms, less those who object.
with permitted as (
    select * from {{ ref('int_subjects__permitted') }}
    where purpose = 'loan_offers'
)
select
    subject_id,
    purpose,
    legal_basis,
    evidence_event_id,
    permitted_until,
    given_name,
    surname,
    street,
    postcode,
    city,
    country
from permitted
where (has_housing_loan or has_personal_loan) and not is_in_default
