-- One row per booking, without its memo.
with source as (
    select * from {{ source('crm', 'raw_crm__transactions') }}
),
renamed as (
    select
        transaction_id_crm,
        subject_id,

        lower({{ tidy('merchant_category') }}) as merchant_category,

        amount_eur,

        booked_at,
        _ingested_as_of as ingested_as_of
    from source
)
select * from renamed
