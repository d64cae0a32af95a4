-- One row per person whose data is frozen (GDPR Art. 18). A request of a kind nobody knows freezes until somebody has read
-- it, and one of erasure until it is carried out.
with requests as (
    select requests.*
    from {{ ref('stg_crm__privacy_requests') }} as requests
    cross join {{ ref('stg_trustmart__night') }} as night
    where requests.effective_at <= night.as_of
)
select distinct subject_id
from requests
where kind not in ('access', 'portability', 'rectification')
