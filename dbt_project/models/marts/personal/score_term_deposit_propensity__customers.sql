-- One row per customer whose offers may be chosen by profile: how likely people like them are to say yes.
-- What was learned is anonymous; here it is applied to people, label by label.
with permitted as (
    {{ permitted() }}
),
labelled as (
    select * from {{ ref('int_subjects__labelled') }}
    where mart = 'fct_offer_propensity' and use_case = 'term_deposit_propensity'
),
learned as (
    select * from {{ ref('fct_offer_propensity') }}
),
weighed as (
    select
        labelled.subject_id,
        sum(learned.weight) as log_odds
    from labelled
    inner join learned on labelled.feature = learned.feature and labelled.label = learned.label
    group by labelled.subject_id
)
select
    permitted.subject_id,
    permitted.use_case,
    permitted.purpose,
    permitted.legal_basis,
    permitted.evidence_event_id,
    permitted.permitted_until,
    cast(1 / (1 + exp(-weighed.log_odds)) as decimal(5, 4)) as propensity
from permitted
inner join weighed on permitted.subject_id = weighed.subject_id
