-- One row per contact of a campaign.
with source as (
    select * from {{ source('crm', 'raw_crm__interactions') }}
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
    from source
)
select * from renamed
