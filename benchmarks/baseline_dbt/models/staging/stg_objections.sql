select * from {{ source('crm', 'objections') }}
