-- Bookings by month and kind of work. The door counts them: releases.yml.
select bookings.subject_id, bookings.month, customers.job_group, bookings.booked_at
from {{ ref('int_bookings__anonymizable') }} as bookings
inner join {{ ref('int_customers__anonymizable') }} as customers on bookings.subject_id = customers.subject_id
