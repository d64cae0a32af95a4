-- Customers for the laboratory: a row is a person. The door tells each by a frozen tree: policy/releases.yml.
select
    subject_id,
    birth_date as born,
    country as lives_in,
    job as works_as,
    marital_status as family,
    education as schooling,
    case
        when has_housing_loan is null then 'unknown'
        when has_housing_loan then 'yes'
        else 'no'
    end as housing_loan
from {{ ref('int_customers__anonymizable') }}
