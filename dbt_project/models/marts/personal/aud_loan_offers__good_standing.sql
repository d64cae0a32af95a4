-- One row per customer with a loan and no default, whom we may write to about better terms, less those who object.
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
    given_name,
    surname,
    street,
    postcode,
    city,
    country
from permitted
where (has_housing_loan or has_personal_loan) and not is_in_default
