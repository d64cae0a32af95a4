-- One row per contact of a campaign, as it was delivered last.
with source as (
    select * from {{ source('crm', 'raw_crm__interactions') }}
),
numbered as (
    select
        *,
        -- A contact that was corrected, or came again with a column more, is still one contact.
        row_number() over (
            partition by interaction_id_crm order by _ingested_as_of desc, _line desc, _row_digest desc
        ) as version_number
    from source
),
renamed as (
    select
        interaction_id_crm,
        subject_id,

        {{ tidy('campaign') }} as campaign,
        coalesce(lower({{ tidy('channel') }}), 'unknown') as contact_channel,
        is_converted,

        value_eur,

        occurred_at
    from numbered
    where version_number = 1
)
select * from renamed
