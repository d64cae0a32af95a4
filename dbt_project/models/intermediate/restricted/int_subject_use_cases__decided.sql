-- One row per customer and use case that may run: may it use them tonight, and if not, the first thing in the way.
with night as (
    select as_of_date from {{ ref('stg_trustmart__night') }}
),
use_cases as (
    {{ policy_use_cases() }}
),
ages as (
    {{ policy_ages_of_digital_consent() }}
),
customers as (
    select
        customers.*,
        coalesce(ages.age_of_digital_consent, {{ default_age_of_digital_consent() }}) as age_of_digital_consent,
        {{ age_in_years('customers.birth_date', 'night.as_of_date') }} as age_now
    from {{ ref('int_customers__deduplicated') }} as customers
    cross join night
    left join ages on customers.country = ages.country
),
gathered as (
    select
        customers.subject_id,
        use_cases.use_case,
        use_cases.purpose,
        use_cases.legal_basis,
        use_cases.needs_consent,
        use_cases.lets_people_decide,
        use_cases.channel,
        greatest(
            use_cases.minimum_age,
            case when use_cases.lets_people_decide then customers.age_of_digital_consent else 0 end
        ) as required_age,
        customers.birth_date,
        customers.age_now,
        customers.age_of_digital_consent,
        case
            when use_cases.channel = 'email' then customers.email_mailbox
            when use_cases.channel = 'post' then lower(
                customers.given_name || '|' || customers.surname || '|' || customers.street || '|'
                || customers.postcode || '|' || customers.city || '|' || customers.country
            )
            else customers.subject_id
        end as contact_point,
        restrictions.subject_id is not null as is_restricted,
        objections.subject_id is not null as is_objecting,
        case when use_cases.needs_consent then coalesce(consents.state, 'unknown') else 'unknown' end as consent_state,
        -- Where nothing depends on consent, a consent proves nothing. (A condition in the join would make it a slow one.)
        case when use_cases.needs_consent then consents.decided_at end as decided_at,
        case when use_cases.needs_consent then consents.expires_at end as expires_at,
        case when use_cases.needs_consent then consents.evidence_event_id end as evidence_event_id,
        {{ age_in_years('customers.birth_date', 'consents.decided_at') }} as age_at_consent
    from customers
    cross join use_cases
    left join {{ ref('int_restrictions__current') }} as restrictions
        on customers.subject_id = restrictions.subject_id
    left join {{ ref('int_objections__current') }} as objections
        on customers.subject_id = objections.subject_id and use_cases.purpose = objections.purpose
    left join {{ ref('int_consents__folded') }} as consents
        on customers.subject_id = consents.subject_id and use_cases.purpose = consents.purpose
),
decided as (
    select
        *,
        case
            when is_restricted then 'restricted'
            when required_age > 0 and (birth_date is null or age_now is null) then 'age_unknown'
            when required_age > 0 and age_now < required_age then 'under_age'
            when lets_people_decide and is_objecting then 'objected'
            when needs_consent and consent_state = 'unknown' then 'not_asked'
            when needs_consent and consent_state <> 'granted' then consent_state
            when needs_consent and coalesce(age_at_consent, -1) < age_of_digital_consent then 'under_age'
            else 'permitted'
        end as reason_of_person
    from gathered
),
contact_points as (
    -- An address may be used only where every customer who is reached by it permits the use case.
    select
        use_case,
        contact_point,
        min(case when reason_of_person = 'permitted' then 1 else 0 end) as all_permit
    from decided
    where contact_point is not null
    group by use_case, contact_point
)
select
    decided.subject_id,
    decided.use_case,
    decided.purpose,
    decided.legal_basis,
    decided.channel,
    decided.contact_point,
    decided.consent_state,
    decided.decided_at,
    decided.expires_at,
    decided.evidence_event_id,
    case
        when decided.reason_of_person <> 'permitted' then decided.reason_of_person
        when decided.contact_point is null then 'no_contact_point'
        when contact_points.all_permit = 0 then 'shared_contact_point'
        when decided.channel = 'email' and erased.email_mailbox is not null then 'shared_contact_point'
        else 'permitted'
    end as reason
from decided
left join contact_points
    on decided.use_case = contact_points.use_case and decided.contact_point = contact_points.contact_point
left join {{ ref('stg_trustmart__erased_mailboxes') }} as erased
    on decided.contact_point = erased.email_mailbox
