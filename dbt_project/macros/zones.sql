{#- A zone is a database on DuckDB and a schema on Spark, so that <zone>.<table> names a table on both.
    Candidates wait inside the restricted zone until the gate lets them out. -#}

{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {{ return(adapter.dispatch('zone_database', 'trustmart')(node)) }}
{%- endmacro %}

{% macro default__zone_database(node) -%}
    {{ return(target.database) }}
{%- endmacro %}

{% macro duckdb__zone_database(node) -%}
    {%- set zone = node.config.get('zone', 'restricted') if node else 'restricted' -%}
    {{ return('restricted' if zone == 'anonymized_candidate' else zone) }}
{%- endmacro %}

{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
    {{ return(adapter.dispatch('zone_schema', 'trustmart')(node)) }}
{%- endmacro %}

{% macro default__zone_schema(node) -%}
    {{ return(node.config.get('zone', 'restricted') if node else 'restricted') }}
{%- endmacro %}

{% macro duckdb__zone_schema(node) -%}
    {%- set zone = node.config.get('zone', 'restricted') if node else 'restricted' -%}
    {{ return('anonymized_candidate' if zone == 'anonymized_candidate' else 'main') }}
{%- endmacro %}
