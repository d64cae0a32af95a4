-- One row per booking, as it was delivered last, without its memo.
with source as (
    select * from {{ source('crm', 'raw_crm__transactions') }}
),
numbered as (
    select
        *,
        -- A booking that was corrected, or came again with a column more, is still one booking.
        row_number() over (
            partition by transaction_id_crm order by _ingested_as_of desc, _line desc, _row_digest desc
        ) as version_number
    from source
),
renamed as (
    select
        transaction_id_crm,
        subject_id,

        lower({{ tidy('merchant_category') }}) as merchant_category,

        amount_eur,

        booked_at,
        _ingested_as_of as ingested_as_of
    from numbered
    where version_number = 1
)
select * from renamed
