-- One row per customer whose offers may be chosen by profile: how likely people of their age and region are to say yes.
-- What was learned is anonymous; here it is applied to people.
with permitted as (
    {{ permitted() }}
),
learned as (
    select
        age_band,
        region,
        sum(conversion_rate * customers) / sum(customers) as propensity
    from {{ ref('fct_campaign_outcomes_by_segment') }}
    group by age_band, region
),
overall as (
    select sum(conversion_rate * customers) / sum(customers) as propensity
    from {{ ref('fct_campaign_outcomes_by_segment') }}
)
select
    permitted.subject_id,
    permitted.use_case,
    permitted.purpose,
    permitted.legal_basis,
    permitted.evidence_event_id,
    permitted.permitted_until,
    cast(coalesce(learned.propensity, overall.propensity) as decimal(5, 4)) as propensity
from permitted
cross join overall
left join learned on permitted.age_band = learned.age_band and permitted.region = learned.region
