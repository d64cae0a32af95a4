-- How campaigns ended, by channel and segment. The door counts them: policy/releases.yml.
select subject_id, campaign, contact_channel, age_band, region, is_converted, value_eur
from {{ ref('int_interactions__anonymizable') }}
