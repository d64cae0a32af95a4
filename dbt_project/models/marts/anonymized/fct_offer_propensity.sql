-- What goes with taking an offer. The door learns it from the anonymized rows: policy/releases.yml.
select born, family, schooling, took_offer
from {{ ref('fct_offer_profiles') }}
