-- One row per mailbox that an erased customer also used.
with source as (
    select * from {{ source('trustmart', 'erased_mailboxes') }}
)
select email_mailbox from source
