{{ config(materialized='door') }}
-- What models look at, of everybody who may be scored. The door tells these people by the recoding that a model was
-- learned with, and makes a row per label: subject_id, use_case, mart, feature, label.
select
    subject_id,
    use_case,
    birth_date as born,
    marital_status as family,
    education as schooling
from {{ ref('int_subjects__permitted') }}
