select campaign, channel, age_band, country, count(distinct customer_id) as customers,
    avg(case when converted then 1.0 else 0 end) as conversion_rate, avg(value_eur) as average_value_eur
from {{ ref('stg_interactions') }} join {{ ref('customers') }} using (customer_id) group by all
