-- One row per customer who has agreed to news and offers by e-mail.
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
