-- Every customer record in export order. A duplicate is a second version of the same customer.
create or replace temp table people as
with records as (
    select i, 1 as version from range(getvariable('customers')) as everyone(i)
    union all
    select i, 2 as version from range(getvariable('customers')) as everyone(i) where is_dirty(i, 'duplicate')
),
placed as (
    select *, row_number() over (order by draw(i * 2 + version, 'export order'), i, version) - 1 as position
    from records
),
drawn_words as (
    select
        *,
        country_of(i) as country,
        language_of(i) as language,
        job_of(i) as job,
        getvariable('given_name')[given_name_of(i)] as usual_given_name,
        getvariable('surname')[surname_of(i)] as usual_surname,
        email_of(case when is_dirty(i, 'shared_email') then greatest(i - 1, 0) else i end) as usual_email,
        case when is_dirty(i, 'curious_name')
            then 1 + form(i, 'curious_name', len(getvariable('curious_name'))) end as curious
    from placed
),
numbered as (
    select
        *,
        getvariable('calling_code')[country] as calling_code,
        getvariable('mobile_prefix')[country] || lpad(
            below(i, 'phone', pow(10, getvariable('mobile_digits')[country]))::varchar,
            getvariable('mobile_digits')[country], '0'
        ) as mobile_number
    from drawn_words
)
select
    position, i, version, country, language, job,
    case
        when getvariable('curious_part')[curious] = 'given_name' then getvariable('curious_name')[curious]
        when is_dirty(i, 'split_name') then usual_given_name[:3] || ' ' || usual_given_name[4:]
        else usual_given_name
    end as given_name,
    case
        when getvariable('curious_part')[curious] = 'surname' then getvariable('curious_name')[curious]
        else usual_surname
    end as surname,
    case
        when is_dirty(i, 'blank_email') then null
        when is_dirty(i, 'malformed_email') then replace(
            usual_email, '@', ['', '@@', ' at ', '@-', '@.'][1 + form(i, 'malformed_email', 5)]
        )
        when is_dirty(i, 'padded_email') then '  ' || upper(usual_email[1]) || usual_email[2:] || ' '
        when is_dirty(i, 'tagged_email') then replace(usual_email, '@', '+news@')
        else usual_email
    end as email,
    case
        when is_dirty(i, 'no_phone') then null
        when below(i, 'notation', 100) < 32 then getvariable('trunk')[country] || mobile_number
        when below(i, 'notation', 100) < 55 then
            '00' || calling_code || ' ' || mobile_number[:3] || ' ' || mobile_number[4:]
        when below(i, 'notation', 100) < 78 then
            '+' || calling_code || ' (' || mobile_number[:2] || ') ' || mobile_number[3:5] || '-' || mobile_number[6:]
        else '+' || calling_code || mobile_number
    end as phone
from numbered
order by position;
