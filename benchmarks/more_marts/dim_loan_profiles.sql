-- Housing loans as microdata: a row is a person. The door generalizes and suppresses: releases.yml.
select
    subject_id,
    birth_date as born,
    job as works_as,
    marital_status as family,
    education as schooling,
    case when has_housing_loan then 'yes' else 'no' end as housing_loan
from {{ ref('int_customers__anonymizable') }}
