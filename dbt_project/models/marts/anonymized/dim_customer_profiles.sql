-- Customers as microdata: a row is a person. The door generalizes and suppresses: policy/releases.yml.
select
    subject_id,
    birth_date as born,
    country as lives_in,
    job as works_as,
    marital_status as family,
    education as schooling,
    case
        when balance_eur is null then 'unknown'
        when balance_eur < 0 then 'below zero'
        when balance_eur < 250 then '0 to 250'
        when balance_eur < 1000 then '250 to 1,000'
        when balance_eur < 3000 then '1,000 to 3,000'
        else '3,000 and more'
    end as balance_band
from {{ ref('int_customers__anonymizable') }}
