select * from {{ source('crm', 'consent_events') }}
