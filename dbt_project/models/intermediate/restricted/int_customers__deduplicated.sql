-- One row per customer: the newest version that the night may know of.
with versions as (
    select customers.*
    from {{ ref('stg_crm__customers') }} as customers
    cross join {{ ref('stg_trustmart__night') }} as night
    where customers.ingested_as_of <= night.as_of or customers.updated_at <= night.as_of
),
numbered as (
    select
        *,
        row_number() over (
            partition by subject_id
            order by updated_at desc, ingested_as_of desc, row_digest desc
        ) as version_number
    from versions
)
select
    subject_id,
    given_name,
    surname,
    email_normalized,
    email_mailbox,
    street,
    city,
    postcode,
    country,
    birth_date,
    gender,
    job,
    marital_status,
    education,
    customer_since_date,
    balance_eur,
    has_housing_loan,
    has_personal_loan,
    is_in_default,
    updated_at
from numbered
where version_number = 1
