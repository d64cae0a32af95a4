-- Customers in clusters of alike profiles. The door learns them from the anonymized rows: policy/releases.yml.
select born, lives_in, works_as, family, schooling, balance_band
from {{ ref('dim_customer_profiles') }}
