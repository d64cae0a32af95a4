select * from {{ source('crm', 'transactions') }}
