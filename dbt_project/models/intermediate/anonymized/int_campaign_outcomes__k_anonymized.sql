-- The door: campaign outcomes shared by at least k customers. No identifier passes.
with classed as (
    select * from {{ ref('int_interactions__classed') }}
)
select * from classed
where customers >= {{ minimum_class_size('fct_campaign_outcomes_by_segment') }}
