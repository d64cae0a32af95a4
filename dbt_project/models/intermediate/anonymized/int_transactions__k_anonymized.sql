-- The door: months, segments and spending groups shared by at least k customers. No identifier passes.
with classed as (
    select * from {{ ref('int_transactions__classed') }}
)
select * from classed
where customers >= {{ minimum_class_size('fct_transactions_by_segment') }}
