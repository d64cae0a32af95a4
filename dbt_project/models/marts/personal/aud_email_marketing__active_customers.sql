-- One row per customer who has agreed to news and offers by e-mail.
with permitted as (
    select * from {{ ref('int_subjects__permitted') }}
    where purpose = 'email_marketing'
)
select
    subject_id,
    purpose,
    legal_basis,
    evidence_event_id,
    permitted_until,
    email_normalized
from permitted
