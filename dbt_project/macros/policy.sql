{#- What policy/*.yml says, for models. Nothing is written twice: these read the `policy` variable. -#}

{% macro minimum_class_size(mart) -%}
    {{ return(var('policy')['releases'][mart]['minimum_class_size']) }}
{%- endmacro %}

{#- What people are asked, and how long a yes holds. -#}
{% macro policy_purposes() -%}
    {%- for row in var('policy')['purposes'] %}
    select
        '{{ row.purpose }}' as purpose,
        cast({{ row.valid_for_days if row.valid_for_days is not none else 'null' }} as integer) as valid_for_days
    {%- if not loop.last %} union all {% endif %}
    {%- else %}
    select '' as purpose, 0 as valid_for_days where 1 = 0
    {%- endfor %}
{%- endmacro %}

{#- One row per use case that may run tonight, made from its verdict: what it asks of a person. A use case that is a draft,
    refused or incomplete is not among them, so nobody is permitted for it. -#}
{% macro policy_use_cases() -%}
    {%- for row in var('policy')['use_cases'] %}
    select
        '{{ row.use_case }}' as use_case,
        '{{ row.purpose }}' as purpose,
        '{{ row.legal_basis }}' as legal_basis,
        {{ 'true' if row.needs_consent else 'false' }} as needs_consent,
        {{ 'true' if row.lets_people_decide else 'false' }} as lets_people_decide,
        '{{ row.channel }}' as channel,
        cast({{ row.minimum_age }} as integer) as minimum_age
    {%- if not loop.last %} union all {% endif %}
    {%- else %}
    select
        '' as use_case, '' as purpose, '' as legal_basis, false as needs_consent, false as lets_people_decide,
        '' as channel, 0 as minimum_age
    where 1 = 0
    {%- endfor %}
{%- endmacro %}

{#- The people this mart may hold: those whom the door lets through for the mart's own use case. -#}
{% macro permitted() -%}
    {%- set mart = (model.get('tested_node_unique_id') or model['unique_id']).split('.')[-1] -%}
    {%- set use_case = var('policy')['personal_marts'].get(mart, '') -%}
    {%- set ready = var('policy')['use_cases'] | map(attribute='use_case') | list -%}
    {%- if execute and flags.WHICH in ('build', 'run') and use_case not in ready -%}
        {{ exceptions.raise_compiler_error(
            mart ~ ' is not built: ' ~ var('policy')['not_ready'].get(use_case, 'no policy file names its use case')
        ) }}
    {%- endif -%}
    select * from {{ ref('int_subjects__permitted') }} where use_case = '{{ use_case }}'
{%- endmacro %}

{#- One row per purpose and objection scope that ends it. -#}
{% macro policy_objection_scopes() -%}
    {%- for row in var('policy')['objection_scopes'] %}
    select '{{ row.purpose }}' as purpose, '{{ row.scope }}' as scope
    {%- if not loop.last %} union all {% endif %}
    {%- else %}
    select '' as purpose, '' as scope where 1 = 0
    {%- endfor %}
{%- endmacro %}

{% macro policy_ages_of_digital_consent() -%}
    {%- for row in var('policy')['ages_of_digital_consent'] %}
    select '{{ row.country }}' as country, {{ row.age }} as age_of_digital_consent
    {%- if not loop.last %} union all {% endif %}
    {%- else %}
    select '' as country, 0 as age_of_digital_consent where 1 = 0
    {%- endfor %}
{%- endmacro %}

{% macro default_age_of_digital_consent() -%}
    {{ return(var('policy')['default_age_of_digital_consent']) }}
{%- endmacro %}
