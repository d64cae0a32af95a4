-- Bookings by month, segment and spending group. The door counts them: policy/releases.yml.
select subject_id, month, age_band, region, spending_group, amount_eur
from {{ ref('int_transactions__anonymizable') }}
