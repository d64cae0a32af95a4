-- One row per customer with a housing loan who has agreed to offers of our insurance partner.
with permitted as (
    {{ permitted() }}
)
select
    subject_id,
    use_case,
    purpose,
    legal_basis,
    evidence_event_id,
    permitted_until,
    email_normalized
from permitted
where has_housing_loan
