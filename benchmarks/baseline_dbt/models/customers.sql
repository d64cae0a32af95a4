select *, date_diff('year', try_cast(birth_date as date), date '2026-11-20') // 10 as age_band
from {{ ref('stg_customers') }}
qualify row_number() over (partition by customer_id order by updated_at desc) = 1
