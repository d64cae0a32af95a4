-- The door: one row per contact in a campaign with a customer whose data may be processed, as of the night.
with night as (
    select as_of from {{ ref('stg_trustmart__night') }}
)
select
    interactions.subject_id,
    interactions.campaign,
    interactions.contact_channel,
    customers.age_band,
    customers.region,
    interactions.is_converted,
    interactions.value_eur
from {{ ref('stg_crm__interactions') }} as interactions
cross join night
inner join {{ ref('int_customers__generalized') }} as customers on interactions.subject_id = customers.subject_id
where interactions.occurred_at <= night.as_of
