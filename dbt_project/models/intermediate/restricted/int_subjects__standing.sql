-- One row per customer: whether their data is frozen; and of those whose is not, what they object to and have agreed to.
-- The reach of every use case is counted from it in one scan. Whoever objects has not agreed, whatever they said before.
with objections as (
    select
        subject_id
        {%- for row in var('policy')['purposes'] %},
        max(case when purpose = '{{ row.purpose }}' then 1 else 0 end) = 1 as objects_to_{{ row.purpose }}
        {%- endfor %}
    from {{ ref('int_objections__current') }}
    group by subject_id
),
consents as (
    select
        subject_id
        {%- for row in var('policy')['purposes'] %},
        max(case when purpose = '{{ row.purpose }}' then 1 else 0 end) = 1 as agreed_to_{{ row.purpose }}
        {%- endfor %}
    from {{ ref('int_consents__folded') }}
    where state = 'granted'
    group by subject_id
),
customers as (
    select customers.subject_id, restrictions.subject_id is not null as is_restricted
    from {{ ref('int_customers__deduplicated') }} as customers
    left join {{ ref('int_restrictions__current') }} as restrictions on customers.subject_id = restrictions.subject_id
)
select
    customers.subject_id,
    customers.is_restricted
    {%- for row in var('policy')['purposes'] %},
    not customers.is_restricted and coalesce(objections.objects_to_{{ row.purpose }}, false)
        as objects_to_{{ row.purpose }},
    not customers.is_restricted and coalesce(consents.agreed_to_{{ row.purpose }}, false)
        and not coalesce(objections.objects_to_{{ row.purpose }}, false) as agreed_to_{{ row.purpose }}
    {%- endfor %}
from customers
left join objections on customers.subject_id = objections.subject_id
left join consents on customers.subject_id = consents.subject_id
