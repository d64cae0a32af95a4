select customer_id, given_name, surname, street, postcode, city, country from {{ ref('customers') }}
where (has_housing_loan or has_personal_loan) and customer_id not in (select customer_id from {{ ref('stg_objections') }})
