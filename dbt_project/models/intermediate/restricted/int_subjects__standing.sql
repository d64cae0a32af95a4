-- One row per customer: whether their data is frozen, and one bit per purpose for what they object to and have agreed to.
-- The reach of every use case is counted from it in one pass.
with objections as (
    select subject_id, sum({{ bit_of_purpose('purpose') }}) as objections
    from {{ ref('int_objections__current') }}
    group by subject_id
),
consents as (
    select subject_id, sum({{ bit_of_purpose('purpose') }}) as consents
    from {{ ref('int_consents__folded') }}
    where state = 'granted'
    group by subject_id
)
select
    customers.subject_id,
    restrictions.subject_id is not null as is_restricted,
    cast(coalesce(objections.objections, 0) as bigint) as objections,
    cast(coalesce(consents.consents, 0) as bigint) as consents
from {{ ref('int_customers__deduplicated') }} as customers
left join {{ ref('int_restrictions__current') }} as restrictions on customers.subject_id = restrictions.subject_id
left join objections on customers.subject_id = objections.subject_id
left join consents on customers.subject_id = consents.subject_id
