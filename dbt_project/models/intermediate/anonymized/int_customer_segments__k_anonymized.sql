-- The door: segments of at least k customers. No identifier passes.
with classed as (
    select * from {{ ref('int_customers__classed') }}
)
select * from classed
where customers >= {{ minimum_class_size('dim_customer_segments') }}
