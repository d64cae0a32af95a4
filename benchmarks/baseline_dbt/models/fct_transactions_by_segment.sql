select date_trunc('month', booked_at) as month, age_band, country, merchant_category,
    count(distinct customer_id) as customers, count(*) as transactions, sum(amount_eur) as total_amount_eur
from {{ ref('stg_transactions') }} join {{ ref('customers') }} using (customer_id) group by all
