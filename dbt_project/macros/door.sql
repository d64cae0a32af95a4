{#- The door to the anonymized zone. The model's SQL yields records, one row per person or event; nothing is built here.
    `trustmart transform` makes the mart from them as policy/releases.yml says: generalized, counted, suppressed. -#}

{% materialization door, default -%}
    {%- call noop_statement('main', 'RECORDS', 'RECORDS') -%}{%- endcall -%}
    {{ return({'relations': []}) }}
{%- endmaterialization %}
