select customer_id, email from {{ ref('customers') }} join {{ ref('consents') }} using (customer_id)
where purpose = 'email_marketing' and action = 'given'
