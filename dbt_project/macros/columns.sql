{#- Small expressions that mean one thing in the whole project. -#}

{#- Text without surrounding blanks; empty text is null. -#}
{% macro tidy(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}

{#- Full years between two days. Somebody born on 29 February turns a year older on 1 March. -#}
{% macro age_in_years(birth_date, day) -%}
    (
        extract(year from {{ day }}) - extract(year from {{ birth_date }})
        - case
            when extract(month from {{ day }}) * 100 + extract(day from {{ day }})
                < extract(month from {{ birth_date }}) * 100 + extract(day from {{ birth_date }}) then 1
            else 0
        end
    )
{%- endmacro %}

{#- A share that never says "nobody" or "everybody": to the nearest 5 %, between 5 % and 95 %. -#}
{% macro coarse_share(numerator, denominator) -%}
    cast(
        least(0.95, greatest(0.05, round(cast({{ numerator }} as double) / {{ denominator }} * 20) / 20))
        as decimal(4, 2)
    )
{%- endmacro %}

{% macro round_to(value, step) -%}
    cast(round({{ value }} / {{ step }}) * {{ step }} as bigint)
{%- endmacro %}
