-- Who took up an offer, as microdata to learn from: a row is a person. The door generalizes and suppresses: policy/releases.yml.
with answers as (
    select subject_id, max(case when is_converted then 'yes' else 'no' end) as took_offer
    from {{ ref('int_interactions__anonymizable') }}
    group by subject_id
)
select
    customers.subject_id,
    customers.birth_date as born,
    customers.country as lives_in,
    customers.job as works_as,
    customers.marital_status as family,
    customers.education as schooling,
    answers.took_offer
from {{ ref('int_customers__anonymizable') }} as customers
inner join answers on customers.subject_id = answers.subject_id
