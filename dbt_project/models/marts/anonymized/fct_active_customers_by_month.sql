-- Active customers of the month that is over. The door counts them and adds noise: policy/releases.yml.
select subject_id, month, age_band, region, booked_at
from {{ ref('int_bookings__anonymizable') }}
