-- One row per campaign, channel and segment, rare ones included: class size and measures.
with night as (
    select as_of from {{ ref('stg_trustmart__night') }}
),
interactions as (
    select interactions.*
    from {{ ref('stg_crm__interactions') }} as interactions
    cross join night
    where interactions.occurred_at <= night.as_of
)
select
    interactions.campaign,
    interactions.contact_channel,
    customers.age_band,
    customers.region,
    count(distinct interactions.subject_id) as customers,
    {{ coarse_share(
        'count(distinct case when interactions.is_converted then interactions.subject_id end)',
        'count(distinct interactions.subject_id)'
    ) }} as conversion_rate,
    {{ round_to('sum(coalesce(interactions.value_eur, 0)) / count(distinct interactions.subject_id)', 5) }}
        as average_value_eur
from interactions
inner join {{ ref('int_customers__generalized') }} as customers
    on interactions.subject_id = customers.subject_id
group by interactions.campaign, interactions.contact_channel, customers.age_band, customers.region
