select * from {{ ref('stg_consent_events') }} where action <> 'requested'
qualify row_number() over (partition by customer_id, purpose order by occurred_at desc) = 1
