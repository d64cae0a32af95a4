-- One row per customer record, in export order.
with records as (
    select * from people where position >= getvariable('first') and position < getvariable('last')
),
drawn_words as (
    select
        *,
        getvariable('education_draw')[1 + (job - 1) * 100 + below(i, 'education', 100)] as education,
        getvariable('marital_draw')[1 + (job - 1) * 100 + below(i, 'marital status', 100)] as marital_status,
        1 + getvariable('city_first')[country] + skewed(i, 'city', getvariable('city_count')[country]) as city,
        getvariable('street')[1 + language * 19 + below(i, 'street', 19)] as street,
        1 + skewed(i, 'house number', 180) as house_number,
        getvariable('as_of') - 5437 + below(i, 'customer since', 5110)::integer as is_customer_since
    from records
),
aged as (
    select
        *,
        -- Single people are the younger half of their trade.
        getvariable('job_youngest')[job]
        + (getvariable('job_oldest')[job] - getvariable('job_youngest')[job])
        * pow(share(i, 'age'), 1.2) * case when marital_status = 'single' then 0.6 else 1 end as age,
        getvariable('job_wealth')[job] * case when education = 'tertiary' then 1.25 else 1 end as wealth
    from drawn_words
),
balanced as (
    select
        *,
        case
            when share(i, 'overdraft') < 0.083 / wealth
                then -least(8019, round(5 - 300 * ln(share(i, 'overdraft depth'))))
            when share(i, 'overdraft') < 0.16 then 0
            else round(600 * wealth * exp(1.35 * bell(i, 'balance')))
        end::integer as balance_eur
    from aged
),
indebted as (
    select *, share(i, 'default') < case when balance_eur < 0 then 0.10 else 0.011 end as is_in_default
    from balanced
)
select
    customer_id(i) as customer_id,
    given_name,
    surname,
    email,
    phone,
    case
        when is_dirty(i, 'multiline_street') then house_number || E' High St,\nFlat "B"'
        when getvariable('country')[country] in ('PT', 'ES') then street || ', ' || house_number
        when getvariable('country')[country] in ('FR', 'IE', 'GB', 'US') then house_number || ' ' || street
        else street || ' ' || house_number
    end as street,
    getvariable('city')[city] as city,
    getvariable('postcode_prefix')[city]
    || lpad(
        below(i, 'postcode', pow(10, getvariable('postcode_digits')[city]))::varchar,
        getvariable('postcode_digits')[city], '0'
    )
    || getvariable('postcode_suffix')[city] as postcode,
    getvariable('country')[country] as country,
    case
        when is_dirty(i, 'missing_birth_date') then null
        when is_dirty(i, 'impossible_birth_date') then '2031-02-29'
        when is_dirty(i, 'minor') then (getvariable('as_of') - 4390 - below(i, 'minor', 2170)::integer)::varchar
        else (getvariable('as_of') - 366 - floor(age * 365.25)::integer)::varchar
    end as birth_date,
    case
        when is_dirty(i, 'missing_gender') then null
        when is_dirty(i, 'third_gender') then 'x'
        else ['f', 'm'][1 + gender_of(i)]
    end as gender,
    case
        when version = 1 then getvariable('job')[job]
        when getvariable('job')[job] = 'retired' then 'self-employed'
        else 'retired'
    end as job,
    marital_status,
    education,
    balance_eur,
    yes_no(share(i, 'housing loan') < case when age < 24 or age > 60 then 0.2 else 0.60 end) as has_housing_loan,
    yes_no(share(i, 'personal loan') < case when age < 24 then 0.03 else 0.165 end) as has_personal_loan,
    yes_no(is_in_default) as in_default,
    greatest(300, least(850, round(
        525 + 44 * bell(i, 'credit score')
        + case when balance_eur < 0 then -20 else 11 * ln(1 + balance_eur) end
        - case when is_in_default then 90 else 0 end
    )))::integer as credit_score,
    is_customer_since::varchar as is_customer_since,
    case
        when version = 1 then clock(
            epoch(is_customer_since::timestamp)::bigint + 86400 + 60 * below(i, 'updated at', 200 * 1440)
        ) || 'Z'
        else (getvariable('as_of') - 2) || 'T09:00:00+02:00'
    end as updated_at,
    case when is_dirty(i, 'note') then
        'Called ' || given_name || ' ' || surname || ' on ' || coalesce(phone, '')
        || '; wants reply at ' || coalesce(email, '')
    end as notes
from indebted
order by position
