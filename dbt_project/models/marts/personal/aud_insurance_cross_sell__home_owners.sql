-- One row per customer with a housing loan who has agreed to offers of our insurance partner.
with permitted as (
    select * from {{ ref('int_subjects__permitted') }}
    where purpose = 'insurance_cross_sell'
)
select
    subject_id,
    purpose,
    legal_basis,
    evidence_event_id,
    permitted_until,
    email_normalized
from permitted
where has_housing_loan
