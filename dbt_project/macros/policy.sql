{#- What policy/*.yml says, for models. Nothing is written twice: these read the `policy` variable. -#}

{% macro minimum_class_size(mart) -%}
    {{ return(var('policy')['releases'][mart]['minimum_class_size']) }}
{%- endmacro %}

{% macro policy_purposes() -%}
    {%- for purpose in var('policy')['purposes'] %}
    select
        '{{ purpose.purpose }}' as purpose,
        '{{ purpose.legal_basis }}' as legal_basis,
        {{ 'true' if purpose.needs_consent else 'false' }} as needs_consent,
        cast({{ purpose.valid_for_days if purpose.valid_for_days is not none else 'null' }} as integer) as valid_for_days,
        '{{ purpose.channel }}' as channel,
        cast({{ purpose.minimum_age or 0 }} as integer) as minimum_age
    {%- if not loop.last %} union all {% endif %}
    {%- endfor %}
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
