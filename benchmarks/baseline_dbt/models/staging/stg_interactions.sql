select * from {{ source('crm', 'interactions') }}
