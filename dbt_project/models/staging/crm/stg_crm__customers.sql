-- One row per version of a customer record, without its free text.
with source as (
    select * from {{ source('crm', 'raw_crm__customers') }}
),
renamed as (
    select
        subject_id,

        {{ tidy('given_name') }} as given_name,
        {{ tidy('surname') }} as surname,
        email_normalized,
        email_mailbox,
        {{ tidy('street') }} as street,
        {{ tidy('city') }} as city,
        {{ tidy('postcode') }} as postcode,
        upper({{ tidy('country') }}) as country,
        birth_date,
        lower({{ tidy('gender') }}) as gender,
        lower({{ tidy('job') }}) as job,
        lower({{ tidy('marital_status') }}) as marital_status,
        lower({{ tidy('education') }}) as education,
        customer_since_date,

        balance_eur,
        has_housing_loan,
        has_personal_loan,
        is_in_default,

        updated_at,
        _ingested_as_of as ingested_as_of,
        _row_digest as row_digest
    from source
)
select * from renamed
