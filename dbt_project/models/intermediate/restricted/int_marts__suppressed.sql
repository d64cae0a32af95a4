-- One row per anonymized mart: how much of it was too rare to publish. The release gate compares it with policy.
{{ config(alias='suppression_by_mart') }}
{%- set classed = {
    'dim_customer_segments': 'int_customers__classed',
    'fct_transactions_by_segment': 'int_transactions__classed',
    'fct_campaign_outcomes_by_segment': 'int_interactions__classed',
} %}
{%- for mart, model in classed.items() %}
select
    '{{ mart }}' as mart,
    count(*) as classes_total,
    count(case when customers < {{ minimum_class_size(mart) }} then 1 end) as classes_suppressed,
    coalesce(sum(customers), 0) as people_total,
    coalesce(sum(case when customers < {{ minimum_class_size(mart) }} then customers end), 0) as people_suppressed
from {{ ref(model) }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
