-- One row per campaign, channel and segment.
with outcomes as (
    select * from {{ ref('int_campaign_outcomes__k_anonymized') }}
)
select
    campaign,
    contact_channel,
    age_band,
    region,
    cast(customers as bigint) as customers,
    cast(conversion_rate as decimal(4, 2)) as conversion_rate,
    cast(average_value_eur as bigint) as average_value_eur
from outcomes
