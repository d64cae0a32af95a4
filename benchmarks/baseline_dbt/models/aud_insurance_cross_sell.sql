select customer_id, email from {{ ref('customers') }} join {{ ref('consents') }} using (customer_id)
where purpose = 'insurance_cross_sell' and action = 'given' and has_housing_loan
