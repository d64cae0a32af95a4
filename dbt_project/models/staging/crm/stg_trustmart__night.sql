-- One row: the instant that tonight's models decide for.
with source as (
    select * from {{ source('trustmart', 'night') }}
),
renamed as (
    select as_of, cast(as_of as date) as as_of_date
    from source
)
select * from renamed
